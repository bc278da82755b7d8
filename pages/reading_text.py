"""Reading text: how does a network read letter by letter, and what does it remember?"""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.reading_text import by_hand, look_inside, through_time, train, write
from cnnlab_core.ui.tabs import Tab, show_tabs
from cnnlab_core.ui.visitor import introduce

page("reading_text")
show_tabs(
    "reading_tab",
    [
        Tab("By hand", by_hand.show),
        Tab("Through time", through_time.show),
        Tab("Write", write.show),
        Tab("Look inside", look_inside.show),
        Tab("Train", train.show),
    ],
)
introduce()
