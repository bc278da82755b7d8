"""Receptive fields: which pixels can a unit see, and which of them count?"""

from cnnlab_core.exercises.kinds import RECEPTIVE_FIELDS
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.feature_maps.layer import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.receptive_fields import alexnet, effective, fields, stack
from cnnlab_core.ui.tabs import Tab, show_tabs

LAYER = ("maps_depth", "maps_node")

page("receptive_fields")
show_tabs(
    "maps_tab",  # as on Feature maps, where these tabs were: their links go on working
    [
        Tab("Receptive field", fields.show),
        Tab("Effective field", effective.show),
        Tab("Design your own", stack.show, without=LAYER),
        Tab("AlexNet", alexnet.show, without=LAYER),
        Tab("Practice", practice(RECEPTIVE_FIELDS, "field_growth"), stands_alone=True),
    ],
    choose,
)
