"""The table of limits: what anybody can ask of the server at most, and how an administrator sets it.

Each is read from the environment whenever it is asked for, and enforced where the cost arises; ``docs/limits.md`` is
this table with the test of each.
"""

import os
from dataclasses import dataclass

from cnnlab_core.errors import InputError

TEACHER_KEY = "CNNLAB_TEACHER_KEY"
"""The setting that holds the teacher's key."""


def environment_beside() -> dict[str, str]:
    """The environment for a process beside the lab: all of the lab's own but the teacher's key."""
    return {name: value for name, value in os.environ.items() if name != TEACHER_KEY}


@dataclass(frozen=True)
class Limit:
    """A whole number from ``least`` to ``most``, ``usual`` where ``setting`` isn't in the environment.

    ``bounds`` says of what, as “a file that a visitor brings”; ``then`` what happens to more.
    """

    setting: str
    usual: int
    least: int
    most: int
    unit: str
    bounds: str
    then: str

    def now(self) -> int:
        """The limit as it is set. Raises ``InputError``, with what is allowed, for a setting that can't be used."""
        text = os.environ.get(self.setting, "").strip()
        if not text:
            return self.usual
        if not (text.isdecimal() and text.isascii() and self.least <= int(text[:15]) <= self.most):
            raise InputError(f"{self.setting} is a whole number from {self.least} to {self.most}, not “{text[:40]}”.")
        return int(text)


_MAKES_ROOM = (
    "before something new is kept, what was used longest ago is deleted, and said; "
    "a run that grows a tenth beyond it is paused"
)

UPLOAD_MB = Limit(
    "CNNLAB_UPLOAD_MB", 20, 1, 200, "MB", "a file that a visitor brings", "it isn't read, and a sentence says so"
)
SESSION_UPLOADS_MB = Limit(
    "CNNLAB_SESSION_UPLOADS_MB", 200, 1, 100_000, "MB", "files of a session in memory", "no further file is taken"
)
UPLOADS_MB = Limit(
    "CNNLAB_UPLOADS_MB", 1000, 1, 1_000_000, "MB", "files of all sessions in memory",
    "the session that keeps most loses its oldest",
)  # fmt: skip
SESSION_PICTURES = Limit(
    "CNNLAB_SESSION_PICTURES", 20, 1, 200, "pictures", "own pictures of a session (together four of the largest files)",
    "the oldest are forgotten, by name",
)  # fmt: skip
PICTURE_MEGAPIXELS = Limit(
    "CNNLAB_PICTURE_MEGAPIXELS", 40, 1, 100, "megapixels", "a picture, and what is inside its file",
    "it is refused before it is decoded",
)  # fmt: skip
DECODED_MEGAPIXELS = Limit(
    "CNNLAB_DECODED_MEGAPIXELS", 4, 1, 20, "megapixels", "a picture that the lab works with", "it is made smaller"
)
DECODE_SECONDS = Limit(
    "CNNLAB_DECODE_SECONDS", 10, 1, 300, "seconds", "the computing time for decoding a picture", "the decoder is ended"
)
DECODE_MB = Limit(
    "CNNLAB_DECODE_MB", 1000, 300, 16_000, "MB", "the memory for decoding a picture, in a process of its own",
    "the decoder is ended",
)  # fmt: skip
ZIP_ENTRIES = Limit(
    "CNNLAB_ZIP_ENTRIES", 100_000, 10, 500_000, "entries", "files and folders in a zip", "the zip isn't read"
)
SET_PICTURES = Limit("CNNLAB_SET_PICTURES", 125_000, 10, 1_000_000, "pictures", "a data set", "nothing is imported")
SET_FILE_MB = Limit(
    "CNNLAB_SET_FILE_MB", 40, 1, 1000, "MB", "one file of a data set, unpacked", "the picture is left out, with a note"
)
SET_MB = Limit("CNNLAB_SET_MB", 2000, 1, 100_000, "MB", "a data set, unpacked and as it is kept", "nothing is imported")
TEXT_MB = Limit("CNNLAB_TEXT_MB", 4, 1, 100, "MB", "a text to learn from", "nothing is imported")
TEXTS = Limit(
    "CNNLAB_TEXTS", 50, 0, 10_000, "texts", "texts that are kept", "no more are imported until one is deleted"
)
QUEUE = Limit("CNNLAB_QUEUE", 100, 1, 100_000, "jobs", "jobs that wait for the device", "others are asked to try again")
TRAINING_QUEUE = Limit(
    "CNNLAB_TRAINING_QUEUE", 30, 0, 1000, "runs", "training runs that wait for the device", "no more can be started"
)
SWEEP_RUNS = Limit("CNNLAB_SWEEP_RUNS", 30, 1, 1000, "runs", "the runs of a sweep", "it isn't started")
TURN_SECONDS = Limit(
    "CNNLAB_TURN_SECONDS", 120, 1, 86_400, "seconds", "a training run's turn at the device, while others wait",
    "it stands aside at a checkpoint and goes on when it is its turn again",
)  # fmt: skip
RUN_MINUTES = Limit(
    "CNNLAB_RUN_MINUTES", 720, 1, 100_000, "minutes", "the training of a visitor's run",
    "it is paused; a teacher can let it go on",
)  # fmt: skip
VISITOR_MINUTES = Limit(
    "CNNLAB_VISITOR_MINUTES", 720, 1, 1440, "minutes", "the training of a visitor, in a day",
    "the run is paused, and no other starts before the next day (UTC)",
)  # fmt: skip
RUN_MEMORY = Limit(
    "CNNLAB_RUN_MEMORY", 50, 1, 100, "%", "the memory that is free, for one training run",
    "it isn't started; a trainer that takes more fails, and the lab goes on",
)  # fmt: skip
VISITOR_MB = Limit(
    "CNNLAB_VISITOR_MB", 5000, 1, 10**8, "MB", "what a visitor keeps: runs, networks, data sets, texts", _MAKES_ROOM
)
KEPT_MB = Limit("CNNLAB_KEPT_MB", 20_000, 1, 10**9, "MB", "what all visitors keep", _MAKES_ROOM)
CACHE_MB = Limit(
    "CNNLAB_CACHE_MB", 4000, 1, 10**8, "MB", "caches: features, dreams",
    "what was used longest ago is deleted, and made anew when it is wanted",
)  # fmt: skip
FEATURES_MB = Limit(
    "CNNLAB_FEATURES_MB", 64, 1, 1_000_000, "MB", "the features of pictures that are learned from together",
    "they aren't computed, and a sentence says how many pictures may be",
)  # fmt: skip
RESULTS_MB = Limit(
    "CNNLAB_RESULTS_MB", 48, 1, 10_000, "MB", "results kept for a visitor, in all tabs together",
    "the oldest are forgotten, and computed anew when they are wanted",
)  # fmt: skip
MODEL_BUDGET = Limit(
    "CNNLAB_MODEL_BUDGET", 1_200_000_000, 1_000_000, 10**13, "bytes", "weights of networks in memory",
    "networks that nobody uses are put away; with all in use, no other is loaded",
)  # fmt: skip
# The default fits a host of 2.7 GB (Python and torch take 0.7), and two VGG-16.
NETWORK_MB = Limit("CNNLAB_NETWORK_MB", 120, 1, 10_000, "MB", "the file of a visitor's own network", "it isn't read")
NETWORK_SECONDS = Limit(
    "CNNLAB_NETWORK_SECONDS", 20, 1, 600, "seconds", "the computing time for reading that file", "its reader is ended"
)
NETWORK_PARAMETERS = Limit(
    "CNNLAB_NETWORK_PARAMETERS", 60, 1, 10_000, "million weights", "a visitor's own network", "it isn't loaded"
)
NETWORK_WORK = Limit(
    "CNNLAB_NETWORK_WORK", 20_000, 1, 10_000_000, "million multiply-adds", "a visitor's own network, for one picture",
    "it isn't loaded",
)  # fmt: skip
NETWORK_ACTIVATIONS = Limit(
    "CNNLAB_NETWORK_ACTIVATIONS", 400, 1, 100_000, "MB", "activations of a visitor's own network, for one picture",
    "it isn't loaded",
)  # fmt: skip
SESSION_NETWORKS = Limit(
    "CNNLAB_SESSION_NETWORKS", 3, 1, 100, "networks", "own networks of a session", "the oldest are put away, by name"
)
SESSION_NETWORKS_MB = Limit(
    "CNNLAB_SESSION_NETWORKS_MB", 400, 1, 1_000_000, "MB", "own networks of a session: files and weights",
    "the oldest are put away, by name",
)  # fmt: skip
NETWORKS_MB = Limit(
    "CNNLAB_NETWORKS_MB", 600, 1, 1_000_000, "MB", "own networks of all visitors in memory: files and weights",
    "no further one is loaded until one is put away",
)  # fmt: skip

LIMITS: tuple[Limit, ...] = tuple(value for value in globals().values() if isinstance(value, Limit))
"""All of them, in the order of the table."""


def check_limits() -> None:
    """Raise ``InputError`` for the first setting that can't be used."""
    for limit in LIMITS:
        limit.now()
