"""What the page looks at: a network, a picture to try, a collection that is here, and how much of it is used."""

from collections.abc import Generator
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.data import Source
from cnnlab_core.data.own import own_path
from cnnlab_core.runtime.downloads import DownloadStep
from cnnlab_core.transfer import list_collections
from cnnlab_core.transfer.collections import open_collection_steps
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, choose_subject
from cnnlab_core.ui.transfer_learning.importing import import_own

CONTROLS = Controls("transfer")
AMOUNTS = (12, 24, 48, 96, 192)
"""Pictures per class to choose from."""


@dataclass(frozen=True)
class TransferSubject(Subject):
    """A network and a picture, with a collection, of which ``each`` pictures per class are drawn."""

    source: Source
    each: int

    @property
    def learned(self) -> str:
        """Network and pictures in a sentence, for captions on paper."""
        return (
            f"Features: {self.spec.title}, {self.weights} weights. Learned from: {self.source.title}, "
            f"up to {self.each} pictures per class."
        )

    @property
    def code(self) -> tuple[str, str, str, int]:
        """What recipes start with."""
        return *self.network, self.source.name, self.each

    @property
    def task(self) -> tuple[object, ...]:
        """What is learned, for a job's key: an imported collection can be replaced by another of the same name."""
        name = self.source.name
        own = own_path(name.removeprefix("own:")) if name.startswith("own:") else None
        return name, self.each, own.stat().st_mtime_ns if own and own.exists() else 0

    @property
    def is_first_look(self) -> bool:
        """Whether the task is the same for everybody and done in seconds: then it needs no button."""
        return self.source.name in ("cifar10", "digits", "shapes") and self.each == AMOUNTS[0]


def choose() -> TransferSubject | None:
    """The sidebar's choosers and the row that picks the pictures; None (with its reason on the page) without them."""
    sources = {source.title: source for source in list_collections()}
    real = {source.name: source for source in sources.values() if source.name in ("cifar10", "digits")}
    usual = real["digits"] if real["cifar10"].megabytes else real["cifar10"]
    row = st.container()
    subject = choose_subject("transfer")
    first, second, third = row.columns([2, 2, 1], gap="medium", vertical_alignment="bottom")
    source = sources[CONTROLS.select("data", "Pictures to learn from", list(sources), usual.title, place=first)]
    each = CONTROLS.stops(
        "each",
        "Pictures per class",
        AMOUNTS,
        AMOUNTS[0],
        place=second,
        help="Half are for training, a sixth for choosing the penalty, a third for the test. Classes with fewer "
        "pictures use all they have.",
    )
    with third:
        import_own()
    if subject is None or not _is_here(source):
        return None
    return TransferSubject(subject.spec, subject.weights, subject.picture, source, each)


def _is_here(source: Source) -> bool:
    """True if the collection can be opened; otherwise offers its download where the result would have been."""
    if not source.megabytes:
        return True
    st.info(
        f"{plain(source.title)} isn't on this machine yet: {source.megabytes:.0f} MB have to be downloaded, once for "
        "everybody. Until then, you can use the generated pictures and your own.",
        icon=":material/download:",
    )

    def fetch() -> Generator[DownloadStep, None, bool]:
        yield from open_collection_steps(source.name)
        return True

    outcome = run(
        "transfer download",
        source.name,
        fetch,
        label=f"Downloading {source.megabytes:.0f} MB",
        start=f"Download {source.megabytes:.0f} MB",
        computes=False,
        keep=False,
    )
    if outcome.state == "done":
        st.rerun()
    return False
