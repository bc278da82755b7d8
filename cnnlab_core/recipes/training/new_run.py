"""The Python of the tab New run."""

from cnnlab_core.training.config import SETTINGS, Config


def code(config: Config) -> str:
    """Starting a run with these settings, and waiting for its score."""
    score = "{run.finals['accuracy']:.2%} of the test pictures classified correctly"
    if config.kind == "text":
        score = "{run.finals['bits']:.3f} bits per character on the test text"
    return f"""\
import time
from cnnlab_core.training import Config, start

run = start(Config({settings(config)}))  # a process of its own: it goes on without this one
while run.state().alive:
    time.sleep(1)
print(run.state().sentence, run.finals and f"{score}")
"""


def settings(config: Config) -> str:
    """The settings that aren't as usual, as arguments of ``Config``."""
    values = {name: getattr(config, name) for name in SETTINGS}
    return ", ".join(f"{name}={SETTINGS[name].code(v)}" for name, v in values.items() if v != SETTINGS[name].default)
