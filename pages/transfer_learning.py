"""Transfer learning: a network's features, a linear classifier on top, and how few pictures that needs."""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs
from cnnlab_core.ui.transfer_learning import classifier, learning_curve, projection, your_picture
from cnnlab_core.ui.transfer_learning.subject import choose

page("transfer_learning")
show_tabs(
    "transfer_tab",
    [
        Tab("Projection", projection.show, formerly=("Map",)),
        Tab("Classifier", classifier.show),
        Tab("Learning curve", learning_curve.show, formerly=("Random or pretrained",)),
        Tab("Your picture", your_picture.show),
    ],
    choose,
)
