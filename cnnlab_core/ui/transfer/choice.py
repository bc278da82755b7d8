"""What the tabs of the page share: a network with its weights, a collection that is here, and how much of it."""

from dataclasses import dataclass

import streamlit as st

from cnnlab_core.data import Source
from cnnlab_core.data.own import own_path
from cnnlab_core.models import ModelSpec
from cnnlab_core.transfer import list_collections
from cnnlab_core.transfer.collections import open_collection_steps
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.transfer.importing import import_own

AMOUNTS = (12, 24, 48, 96, 192)


@dataclass(frozen=True)
class Choice:
    """A network with its weights, a picture to try, a collection, and the pictures drawn of each class."""

    spec: ModelSpec
    weights: str
    picture: Picture
    source: Source
    each: int

    @property
    def code(self) -> tuple[str, str, str, int]:
        """What recipes begin with."""
        return self.spec.name, self.weights, self.source.name, self.each

    @property
    def key(self) -> tuple[object, ...]:
        """What results belong to: an imported collection can be replaced by another of its name."""
        name = self.source.name
        own = own_path(name.removeprefix("own:")) if name.startswith("own:") else None
        return (*self.code, own.stat().st_mtime_ns if own and own.exists() else 0)

    @property
    def is_first_look(self) -> bool:
        """Whether it is the same for everybody and done in seconds: then nobody has to press a button."""
        return self.source.name == "shapes" and self.each == AMOUNTS[0]


def choose() -> Choice | None:
    """The sidebar's choosers and the row that picks the pictures; None (with its reason on the page) without them."""
    picture = choose_picture()
    spec, weights = choose_model()
    sources = {source.title: source for source in list_collections()}
    first, second, third = st.columns([2, 2, 1], gap="medium", vertical_alignment="bottom")
    title = first.selectbox("Pictures to learn from", list(sources), key="transfer_data", bind="query-params")
    each = second.select_slider(
        "Pictures of each class",
        AMOUNTS,
        key="transfer_each",
        bind="query-params",
        help="Half are learned from, a sixth chooses the penalty, a third is the test. Fewer, where there are fewer.",
    )
    with third:
        import_own()
    source = sources[title]
    if source.name == "shapes":
        st.caption("Drawn from a seed: five shapes and five textures in random colours, 32 × 32 pixels, under noise.")
    if not weights_ready(spec, weights, place="transfer") or not _is_here(source):
        return None
    return Choice(spec, weights, picture, source, each)


def _is_here(source: Source) -> bool:
    """True if the collection can be opened; otherwise offers its download where the result would have been."""
    if not source.megabytes:
        return True
    st.info(
        f"{plain(source.title)} isn't on this machine yet: {source.megabytes:.0f} MB have to be fetched once, for "
        "everybody. Until then, the generated pictures and your own can be used.",
        icon=":material/download:",
    )

    def fetch():  # type: ignore[no-untyped-def]
        yield from open_collection_steps(source.name)
        return True

    outcome = run(
        "transfer download",
        source.name,
        fetch,
        label=f"Downloading {source.megabytes:.0f} MB",
        share=lambda step: step.received / step.total if step.total else 0.0,
        start=f"Download {source.megabytes:.0f} MB",
        computes=False,
        keep=False,
    )
    if outcome.state == "done":
        st.rerun()
    return False
