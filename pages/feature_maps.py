"""Feature maps: what does each layer respond to?"""

from cnnlab_core.ui.feature_maps import (
    agreement,
    attribution,
    class_channels,
    compare,
    deletion,
    depths,
    first_layer_filters,
    inversion,
    maps,
    randomisation,
    shortcut,
    top_patches,
)
from cnnlab_core.ui.feature_maps.layer import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs

COUNTING = ("maps_counted",)
LAYER = ("maps_depth", "maps_node", *COUNTING)
TABS = (
    Tab("Feature maps", maps.show),
    Chapter(
        "Layer by layer",
        "layers",
        (
            Tab("Early, middle, late", depths.show, without=LAYER),
            Tab("Compare", compare.show, without=COUNTING),
            Tab("Inversion", inversion.show, without=COUNTING),
        ),
    ),
    Chapter(
        "What channels look for",
        "channels",
        (
            Tab("Strongest patches", top_patches.show),
            Tab("First-layer filters", first_layer_filters.show, without=("part_picture", *LAYER)),
            Tab("Channels of a class", class_channels.show, without=LAYER),
        ),
    ),
    Tab("Attribution", attribution.show, without=LAYER),
    Chapter(
        "On trial",
        "trial",
        (
            Tab("Shortcut", shortcut.show, stands_alone=True),
            Tab("Randomisation", randomisation.show, without=LAYER),
            Tab("Deletion and insertion", deletion.show, without=LAYER),
            Tab("Agreement", agreement.show, without=LAYER),
        ),
    ),
)
MOVED = {"receptive_fields": ("Receptive field", "Effective field", "Design your own", "AlexNet", "Practice")}

page("feature_maps")
show_tabs("maps_tab", TABS, choose, moved=MOVED)
