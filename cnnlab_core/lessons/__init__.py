"""Lessons that carry their task, in a link: views with a guess and a question; and signed codes of what was solved."""

from cnnlab_core.lessons.arrivals import Arrivals
from cnnlab_core.lessons.codes import Reading, Results, Tried, read_code, write_code
from cnnlab_core.lessons.lesson import Lesson, Number, Pick, Practice, Step, put_away, read_lesson, read_link
from cnnlab_core.lessons.packed import digest, lesson_in, pack, read_file, unpack, write_file
from cnnlab_core.lessons.table import ClassTable, Row, class_table

__all__ = [
    "Arrivals",
    "ClassTable",
    "Lesson",
    "Number",
    "Pick",
    "Practice",
    "Reading",
    "Results",
    "Row",
    "Step",
    "Tried",
    "class_table",
    "digest",
    "lesson_in",
    "pack",
    "put_away",
    "read_code",
    "read_file",
    "read_lesson",
    "read_link",
    "unpack",
    "write_code",
    "write_file",
]
