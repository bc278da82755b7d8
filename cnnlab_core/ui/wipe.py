"""Two pictures on top of each other, before and after, with a movable line between them: ``assets/wipe``."""

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.show import picture_address

_component = Component(
    "cnnlab_wipe",
    html=read_asset("wipe", "wipe.html"),
    css=read_asset("wipe", "wipe.css"),
    js=read_asset("wipe", "wipe.js"),
)


def wipe(before: bytes, after: bytes, before_label: str, after_label: str, key: str, *, kind: str = "png") -> None:
    """Draw two PNGs (or another ``kind``) of one shape over each other; left of the line is ``before``.

    The line follows pointer, finger and arrow keys in the browser alone. As wide as its column; the second picture's
    shape is the component's.
    """
    data = {
        "before": {"src": picture_address(before, kind, f"{key} before"), "label": before_label},
        "after": {"src": picture_address(after, kind, f"{key} after"), "label": after_label},
    }
    _component(key=key, data=data)
