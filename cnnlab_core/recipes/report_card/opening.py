"""How the page's recipes start: the cards of the networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.images.levels import LEVELS

Asked = Sequence[tuple[str, Mapping[str, Any]]]
"""Networks by name, each with what ``network_card`` takes."""


def opening(asked: Asked, *names: str) -> str:
    """The ``cards`` by network, with further ``names`` imported from ``cnnlab_core.evaluation``."""
    lines = "".join(f'    "{name}": network_card(load_model("{name}"), {_arguments(more)}),\n' for name, more in asked)
    more = f"from cnnlab_core.evaluation import {', '.join(names)}\n" if names else ""
    return f"""\
{more}from cnnlab_core.evaluation.card_files import network_card
from cnnlab_core.models import load_model

# A card that came with the lab is there at once (anew=True measures it again). Others take minutes; they are kept in
# the lab's cache as they grow, and gone on with.
cards = {{
{lines}}}
"""


def _arguments(more: Mapping[str, Any]) -> str:
    data = f'"{more["data"]}", ' if more["data"] else ""
    radius = round(more["eps"] * LEVELS, 6)
    return f"{data}attacked={more['attacked']}, eps={radius:g} / {LEVELS}, seed={more['seed']}"
