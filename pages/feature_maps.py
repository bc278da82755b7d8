"""Feature maps: what does each layer respond to?"""

from cnnlab_core.ui.feature_maps import attribution, compare, depths, first_layer_filters, maps, top_patches
from cnnlab_core.ui.feature_maps.layer import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs

COUNTING = ("maps_counted",)
LAYER = ("maps_depth", "maps_node", *COUNTING)
TABS = (
    Tab("Feature maps", maps.show),
    Tab("Early, middle, late", depths.show, without=LAYER),
    Tab("Compare", compare.show, without=COUNTING),
    Chapter(
        "What channels look for",
        "channels",
        (
            Tab("Strongest patches", top_patches.show),
            Tab("First-layer filters", first_layer_filters.show, without=("part_picture", *LAYER)),
        ),
    ),
    Tab("Attribution", attribution.show, without=LAYER),
)
MOVED = {"receptive_fields": ("Receptive field", "Effective field", "Design your own", "AlexNet", "Practice")}

page("feature_maps")
show_tabs("maps_tab", TABS, choose, moved=MOVED)
