"""Exercises: everything that can be asked, as sheets to print and as links to do it live."""

from cnnlab_core.exercises.kinds import RECURRENT
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.exercises.sheets import show
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs

page("exercises")
show_tabs("exercises_tab", [Tab("Sheets", show), Tab("Do it live", practice(RECURRENT, "recurrent_step"))])
