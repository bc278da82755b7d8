"""DeepDream and feature visualisation: what does a layer, a channel, a neuron or a class look for?"""

from functools import partial

from cnnlab_core.ui.deepdream import atlas, classes, dream, neurons, zoom
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.subject import choose_subject
from cnnlab_core.ui.tabs import Tab, show_tabs

page("deepdream")
show_tabs(
    "dream_tab",
    [
        Tab("Dream", dream.show),
        Tab("Neurons", neurons.show),
        Tab("Atlas", atlas.show),
        Tab("Classes", classes.show),
        Tab("Zoom", zoom.show),
    ],
    partial(choose_subject, "dream"),
)
