"""What the page looks at: one network or two, the test pictures, and how they are attacked."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.data import list_data, open_data_steps
from cnnlab_core.data.own import own_path
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.pictures import USUAL, data_for
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.zoo import find_spec
from cnnlab_core.ui.classroom import offered_specs
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.own_network import offer_own_network
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.shared import model_label, shared_picture
from cnnlab_core.ui.show import form, plain

CONTROLS = Controls("report")
FIRST, BESIDE, NOBODY = "cifar10_deep", "cifar10_adversarial", "none"
ITS_OWN = "its own"
COUNTS = (20, 50, 100, 200, USUAL, 1000)
RADII = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Side:
    """A network, and what its card is of: the test pictures of ``data``, of which ``attacked`` are attacked within
    ``eps``."""

    spec: ModelSpec
    data: str
    attacked: int
    eps: float
    seed: int

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def settings(self) -> dict[str, Any]:
        """As ``network_card`` takes them."""
        return {"data": self.data, "attacked": self.attacked, "eps": self.eps, "seed": self.seed}

    @property
    def key(self) -> tuple[object, ...]:
        """What makes cards of one network the same: it can be exported anew, and imported pictures can be replaced by
        others of the same name."""
        name = data_for(self.spec, self.data)
        own = own_path(name.removeprefix("own:")) if name.startswith("own:") else None
        changed = own.stat().st_mtime_ns if own and own.exists() else 0
        return self.spec.weights.identity, name, changed, self.attacked, self.eps, self.seed


def choose() -> tuple[Side, ...]:
    """The row that chooses: a network, another beside it, and behind a button the pictures and the attacks."""
    names = [spec.name for spec in offered_specs()]
    trained_first = sorted(names, key=lambda name: not find_spec(name).weights.folder)
    with form():
        first, second, third = st.columns([2, 2, 1], gap="medium", vertical_alignment="bottom")
    chosen = CONTROLS.named("network", "Network", trained_first, FIRST, model_label, place=first)
    others = [NOBODY, *trained_first]
    beside = CONTROLS.named(
        "beside", "Beside it", others, BESIDE, lambda name: "No other" if name == NOBODY else model_label(name),
        place=second,
    )  # fmt: skip
    with third.popover("Settings", icon=":material/tune:", width="stretch", key="report_settings"):
        data, attacked, radius, seed = _settings()
        offer_own_network(chosen, shared_picture(), lambda name: CONTROLS.write(network=name or FIRST))
    wanted = [chosen] if beside in (NOBODY, chosen) else [chosen, beside]
    return tuple(
        Side(find_spec(name), "" if data == ITS_OWN else data, attacked, radius / LEVELS, seed) for name in wanted
    )


def _settings() -> tuple[str, int, int, int]:
    """The test pictures, how many are attacked, the radius in grey levels, and the seed."""
    titles = {source.name: source.title for source in list_data()}
    data = CONTROLS.named(
        "data", "Test pictures", [ITS_OWN, *titles], ITS_OWN,
        lambda name: titles.get(name, "Of the data that it learned from"),
    )  # fmt: skip
    st.caption(
        "Your own are here too, once they are imported on the page Training or Transfer learning: the folders are to "
        "be called as the network's classes are."
    )
    attacked = CONTROLS.stops(
        "attacked", "Pictures attacked", COUNTS, USUAL,
        help="Four times as many are asked about without an attack. Ten times the pictures make an interval a third "
        "as wide, and take ten times as long.",
    )  # fmt: skip
    radius = CONTROLS.stops("eps", "ε (/255)", RADII, 8, help="How far each channel of each pixel may be changed.")
    seed = CONTROLS.number("seed", "Seed", 0, 99_999, 0, 1, help="Of the draw of the pictures, and of the attacks.")
    return data, attacked, radius, seed


def pictures_here(side: Side, place: str) -> bool:
    """Whether its test pictures can be opened; else their download is offered. ``place`` tells the sides apart.

    Raises ``InputError`` for a network that no pictures belong to.
    """
    name = data_for(side.spec, side.data)
    source = next((source for source in list_data() if source.name == name), None)
    if source is None:
        raise InputError(f"The pictures that {side.title} learned from aren't here any more: choose others.")
    if not source.megabytes:
        return True
    size = f"{source.megabytes:.0f} MB"
    st.info(
        f"{plain(source.title)} isn't on this machine yet. To measure {plain(side.title)}, {size} have to be "
        "downloaded, once for everybody.",
        icon=":material/download:",
    )

    def fetch() -> Generator[Any, None, bool]:
        yield from open_data_steps(name)
        return True

    outcome = run(
        f"report download {place}", name, fetch, label=f"Downloading {size}", start=f"Download {size}", computes=False,
        keep=False,
    )  # fmt: skip
    if outcome.state == "done":
        st.rerun()
    return False
