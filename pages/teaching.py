"""Teaching: how can this become a lesson?"""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs
from cnnlab_core.ui.teaching import follow, make, ready
from cnnlab_core.ui.teaching.server import show_server

TABS = (
    Tab("Ready lessons", ready.show),
    Tab("Make a lesson", make.show),
    Tab("Follow a class", follow.show),
    Tab("Run the server", show_server),
)

page("teaching")
show_tabs("teaching_tab", TABS)
