"""Feature maps and receptive fields: what does each layer respond to, and which pixels can it see?"""

from cnnlab_core.exercises.kinds import FEATURE_MAPS
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.feature_maps import (
    alexnet,
    attribution,
    compare,
    depths,
    effective,
    fields,
    first_layer_filters,
    maps,
    stack,
    top_patches,
)
from cnnlab_core.ui.feature_maps.layer import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs

page("feature_maps")
show_tabs(
    "maps_tab",
    [
        Tab("Feature maps", maps.show),
        Tab("Early, middle, late", depths.show),
        Tab("Compare", compare.show),
        Tab("Strongest patches", top_patches.show),
        Tab("First-layer filters", first_layer_filters.show),
        Tab("Receptive field", fields.show),
        Tab("Effective field", effective.show),
        Tab("Design your own", stack.show),
        Tab("AlexNet", alexnet.show),
        Tab("Attribution", attribution.show),
        Tab(FEATURE_MAPS.tab, practice(FEATURE_MAPS, "field_growth"), stands_alone=True),
    ],
    choose,
    aside="The layer in the other tabs",
)
