"""The latest code of each student of a class, as they come to this server: in memory, and only so many."""

import threading
from collections import OrderedDict

from cnnlab_core.lessons.codes import place_of
from cnnlab_core.lessons.lesson import Lesson

MOST_CLASSES, MOST_CODES = 50, 200


class Arrivals:
    """Codes by lesson and class; the class that was heard of longest ago is forgotten, and its oldest code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._classes: OrderedDict[bytes, OrderedDict[object, str]] = OrderedDict()

    def add(self, lesson: Lesson, who: object, code: str) -> None:
        """Keep the ``code`` in the place of the one that ``who`` had before."""
        with self._lock:
            place = place_of(lesson)
            codes = self._classes.setdefault(place, OrderedDict())
            codes[who] = code
            codes.move_to_end(who)
            self._classes.move_to_end(place)
            for kept, most in ((codes, MOST_CODES), (self._classes, MOST_CLASSES)):
                if len(kept) > most:
                    kept.popitem(last=False)

    def codes(self, lesson: Lesson) -> list[str]:
        """Those of a lesson and its class."""
        with self._lock:
            return list(self._classes.get(place_of(lesson), {}).values())
