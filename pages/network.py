"""Inside a network: what happens between a photo and its name?"""

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.network import picture
from cnnlab_core.ui.show import reserve, sentences

page("network")
reserve("main_picture", "max(30rem, 100vh - 12.1rem)")
with sentences():
    picture.show()
