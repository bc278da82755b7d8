"""The data sets by name, and how to open one."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import cifar10
from cnnlab_core.data.dataset import Dataset, read_dataset
from cnnlab_core.data.digits import CLASSES as DIGITS
from cnnlab_core.data.digits import TITLE, digits
from cnnlab_core.data.marked_shapes import TITLE as MARKED
from cnnlab_core.data.marked_shapes import marked_shapes
from cnnlab_core.data.own import own_names, own_path
from cnnlab_core.data.shapes import CLASSES as SHAPES
from cnnlab_core.data.shapes import shapes
from cnnlab_core.data.text import text_names
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.runtime.downloads import DownloadStep
from cnnlab_core.runtime.jobs import finish


@dataclass(frozen=True)
class Source:
    """A data set by name; ``megabytes`` have to be downloaded first, 0 if it is here. ``kind``: what it is made of.

    ``classes`` are their names, where they are known before it is opened."""

    name: str
    title: str
    megabytes: float = 0
    kind: Literal["pictures", "text"] = "pictures"
    classes: tuple[str, ...] = ()


def list_data() -> list[Source]:
    """Every set of pictures that can be trained on: CIFAR-10, the generated ones, the digits, and the imported ones."""
    return [
        Source("cifar10", "CIFAR-10", 0 if cifar10.is_here() else cifar10.MEGABYTES, classes=cifar10.CLASSES),
        Source("shapes", "Shapes and textures (generated)", classes=SHAPES),
        Source("digits", TITLE, classes=DIGITS),
        Source("marked_shapes", MARKED),
        *(Source(f"own:{name}", name) for name in own_names()),
    ]


def list_texts() -> list[Source]:
    """Every text that can be trained on: the names, and own ones."""
    own = (Source(f"text:{name}", name, kind="text") for name in text_names())
    return [Source("names", "Names (US census)", kind="text"), *own]


@by_annotation
def find_data(name: str) -> Source:
    """The data set called ``name``. Raises ``InputError`` that lists the names there are."""
    sources = list_data() + list_texts()
    for source in sources:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in sources)
    raise InputError(f"There is no data set called “{name[:60]}”. Choose one of: {names}.")


@by_annotation
def open_data_steps(name: str) -> Generator[DownloadStep, None, Dataset]:
    """The pictures called ``name``, in memory and verified; fetched first if need be.

    Raises ``InputError`` for an unknown name and ``DataError`` for one that can't be fetched or is damaged. (Texts are
    opened by ``open_text``.)
    """
    if find_data(name).kind == "text":
        raise InputError(f"“{name}” is a text, not a set of pictures. Open it by open_text.")
    if name == "cifar10":
        return (yield from cifar10.cifar10_steps())
    if name == "shapes":
        return shapes()
    if name == "marked_shapes":
        return marked_shapes()
    if name == "digits":
        return digits()
    return read_dataset(own_path(name.removeprefix("own:")))


@by_annotation
def open_data(name: str, *, fetch: bool = True) -> Dataset:
    """The data set called ``name``; without ``fetch``, a ``DataError`` rather than a download."""
    source = find_data(name)
    if source.megabytes and not fetch:
        raise DataError(f"{source.title} isn't on this machine. Fetch it first ({source.megabytes:.0f} MB).")
    return finish(open_data_steps(name))
