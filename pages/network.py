"""Inside a network: what happens between a photo and its name?"""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.network import picture
from cnnlab_core.ui.show import sentences

page("network")
with sentences():
    picture.show()
