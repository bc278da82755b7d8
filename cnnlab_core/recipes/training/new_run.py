"""The Python of the tab New run."""

from cnnlab_core.training.config import SETTINGS, Config


def code(config: Config) -> str:
    """Starting a run with these settings, and waiting for its score."""
    values = {name: getattr(config, name) for name in SETTINGS}
    score = "{run.finals['accuracy']:.2%} of the test pictures classified correctly"
    if config.kind == "text":
        score = "{run.finals['bits']:.3f} bits per character on the test text"
    changed = [f"{name}={SETTINGS[name].code(v)}" for name, v in values.items() if v != SETTINGS[name].default]
    return f"""\
import time
from cnnlab_core.training import Config, start

run = start(Config({", ".join(changed)}))  # a process of its own: it goes on without this one
while run.state().alive:
    time.sleep(1)
print(run.state().sentence, run.finals and f"{score}")
"""
