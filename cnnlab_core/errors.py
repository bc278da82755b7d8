"""Errors that are sentences: what happened, and what to do about it."""


class LabError(Exception):
    """A problem that the person at the screen can act on.

    ``str(error)`` is one or two plain sentences, ready to be shown as text: what happened and what to
    do. Pages print it in place of the result and keep the rest of the page; notebooks see it raised.
    """


class LabWarning(UserWarning):
    """Something that works, but that isn't what it seems: a sentence, as errors are."""


class ImageError(LabError):
    """A file or array that can't be used as a picture."""


class InputError(LabError):
    """A number, shape or name that a computation can't accept."""


class WeightsError(LabError):
    """Weights that are missing, damaged, or belong to another network."""


class DeviceError(LabError):
    """A device that was asked for but isn't there, or that ran out of memory."""


class DownloadError(LabError):
    """A file that couldn't be fetched, or that isn't what was published."""


class DataError(LabError):
    """Training data that is missing, damaged, or that nothing can be learned from."""


class RunError(LabError):
    """A training run that can't be started, gone on with, or read."""
