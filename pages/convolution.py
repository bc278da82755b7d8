"""Convolution by hand: what exactly does a convolution compute, and what does it learn from?"""

from functools import partial

from cnnlab_core.exercises.kinds import CONVOLUTION
from cnnlab_core.ui.convolution import backward, equivariance, linear_regression, photo_filters, pooling, sliding
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import reserve
from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs

SLIDE = (Tab("1-D", partial(sliding.show, 1)), Tab("2-D", partial(sliding.show, 2)), Tab("Pooling", pooling.show))
LINEAR = (Tab("Autograd warm-up", linear_regression.show), Tab("1×1 and attention", equivariance.show))
TABS = (
    Chapter("Slide", "slide", SLIDE, first="2-D"),
    Tab("Backward", backward.show),
    Tab("On a photo", photo_filters.show),
    Chapter("Linear layers", "linear", LINEAR),
    Tab("Practice", practice(CONVOLUTION, "conv2d")),
)

page("convolution")
reserve("main_picture", "24.5rem")
reserve("written", "15rem")
show_tabs("conv_tab", TABS)
