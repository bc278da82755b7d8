"""Exercises to do with a pen, on all that the lab shows: seeded, with answers that are checked and worked solutions."""

from cnnlab_core.exercises.exercise import LEVELS, Choice, Exercise, Numbers, Part
from cnnlab_core.exercises.kinds import KINDS, Kind, make_exercise
from cnnlab_core.exercises.moodle import moodle_xml, moodle_xml_steps
from cnnlab_core.exercises.printed import sheets_html, sheets_html_steps
from cnnlab_core.exercises.qti import qti_package, qti_package_steps
from cnnlab_core.exercises.sheet import Sheet, draw_sheets, make_sheets

__all__ = [
    "KINDS",
    "LEVELS",
    "Choice",
    "Exercise",
    "Kind",
    "Numbers",
    "Part",
    "Sheet",
    "draw_sheets",
    "make_exercise",
    "make_sheets",
    "moodle_xml",
    "moodle_xml_steps",
    "qti_package",
    "qti_package_steps",
    "sheets_html",
    "sheets_html_steps",
]
