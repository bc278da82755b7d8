"""How the page's recipes start: the network, and the pictures drawn of a collection."""


def opening(model: str, weights: str, collection: str, each: int, *names: str) -> str:
    """The model and the pictures ``drawn``, with further ``names`` imported from ``cnnlab_core.transfer``."""
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.transfer import {", ".join(sorted({"draw", "open_collection", *names}))}

model = load_model("{model}", weights="{weights}")
drawn = draw(open_collection("{collection}"), {each})
"""
