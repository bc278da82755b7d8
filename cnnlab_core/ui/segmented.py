"""A row of options of which exactly one is chosen, whatever the address says."""

from collections.abc import Sequence
from typing import Any, TypeVar

Option = TypeVar("Option")


def segmented(place: Any, label: str, options: Sequence[Option], *, default: Option, **more: Any) -> Option:
    """Draw it in ``place`` (``st`` or one of its containers) and give the chosen option.

    Streamlit's own ``required`` binds people, not links: an empty value in the address (``?key=``) would choose none.
    """
    chosen = place.segmented_control(label, options, default=default, required=True, **more)
    return default if chosen is None else chosen
