"""Reading text: how can a network read one letter after another, and what does it remember?"""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.reading_text import by_hand, through_time
from cnnlab_core.ui.tabs import Tab, show_tabs

page("reading_text")
show_tabs(
    "reading_tab",
    [
        Tab("By hand", by_hand.show),
        Tab("Through time", through_time.show),
    ],
)
