"""What the tests of pages on text share: a short text, and tiny runs on it."""

from cnnlab_core.data import import_text
from cnnlab_core.training import Config, create_run
from cnnlab_core.training.loop import train

SONG = "".join(f"{number} green bottles on the wall,\nand if one fell\n" for number in range(30))
SMALL = {"data": "text:song", "net": "rnn", "embedding": 4, "hidden": 8, "batch": 8, "window": 12, "epochs": 1}


def sung(name="the song", text=SONG, **changes):
    """A run that has learned from a text of its own name: ``text:song``, unless ``data`` says otherwise."""
    config = Config(**(SMALL | changes))
    run = create_run(config, name)
    train(run)
    return run


def bring(text=SONG, name="song"):
    """Import a text; gives it."""
    return import_text(text, name)
