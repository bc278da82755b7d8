"""Exercises: everything that can be asked, as sheets to print and as links to do it live."""

from cnnlab_core.ui.exercises.sheets import show
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences

page("exercises")
with sentences():
    show()
