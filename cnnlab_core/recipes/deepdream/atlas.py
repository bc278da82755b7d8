"""The Python behind the tab Atlas."""


def code(model: str, weights: str) -> str:
    """The atlas of a network."""
    return f"""\
from cnnlab_core.dream.atlas import atlas
from cnnlab_core.models import load_model

for entry in atlas(load_model("{model}", weights="{weights}")):
    print(entry.node, entry.channel, entry.picture.size)
"""
