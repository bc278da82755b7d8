"""The Python of what the network sees, in the tab New run."""

from cnnlab_core.recipes.training.new_run import settings
from cnnlab_core.training.config import Config


def code(config: Config, count: int) -> str:
    """The first pictures of a run with these settings, as they are and as the network sees them."""
    return f"""\
from cnnlab_core.training import Config
from cnnlab_core.training.first_batch import first_batch

found = first_batch(Config({settings(config)}), {count})
print(found.before.shape, "as they are;", found.after.shape, "as the network sees them")
print(found.classes)
found  # in a notebook: the pictures
"""
