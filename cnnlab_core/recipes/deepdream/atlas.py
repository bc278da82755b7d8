"""The Python behind the tab Atlas."""


def code(model: str, weights: str) -> str:
    """The atlas of a network."""
    return f"""\
from cnnlab_core.dream.atlas import atlas
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

for entry in finish(atlas(load_model("{model}", weights="{weights}"))):
    print(entry.node, entry.channel, entry.picture.size)
"""
