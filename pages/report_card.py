"""A network's report card: what its accuracy is worth under attack, in bad light, and by its own word."""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.report_card import accuracy, calibration, card, corruptions, robustness
from cnnlab_core.ui.report_card.choice import choose
from cnnlab_core.ui.tabs import Tab, show_tabs

page("report_card")
show_tabs(
    "report_tab",
    [
        Tab("The card", card.show),
        Tab("Accuracy", accuracy.show),
        Tab("Robustness", robustness.show),
        Tab("Calibration", calibration.show),
        Tab("Corruptions", corruptions.show),
    ],
    choose,
)
