"""Naming photos: what does the network see in this picture, and how sure is it?"""

from cnnlab_core.ui.classifier import answers, batch, layers, preprocessing, softmax, take_away
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import reserve
from cnnlab_core.ui.tabs import Tab, show_tabs

page("classifier")
reserve("settings", "35rem")
show_tabs(
    "classifier_tab",
    [
        Tab("Softmax, worked out", softmax.show),
        Tab("Preprocessing", preprocessing.show),
        Tab("Layers", layers.show),
        Tab("Several pictures", batch.show),
        Tab("Take it away", take_away.show),
    ],
    answers.show,
)
