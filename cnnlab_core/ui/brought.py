"""The pictures that visitors have brought: in the memory of their sessions, where a teacher sees and deletes them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakSet

from PIL import Image

from cnnlab_core.errors import ImageError
from cnnlab_core.images import jpeg, open_apart, shrunk
from cnnlab_core.images.opening import begins_like_a_picture
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.uploads import bound_uploads

_ICON_SIDE = 96
_HEAD = 64
_changing = threading.Lock()


@dataclass(eq=False)
class Keeper:
    """What one session keeps: whose it is, its ``own`` pictures by name, and what a teacher has deleted of them.

    ``unwanted`` are titles, by the names of pictures and files, until the session has let go of them.
    """

    session: str = ""
    owner: str = ""
    own: dict[str, Picture] = field(default_factory=dict)
    unwanted: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with _changing:
            _keepers.add(self)


_keepers: WeakSet[Keeper] = WeakSet()
"""As long as their sessions live, which hold them."""


@dataclass(frozen=True)
class Brought:
    """A picture in a session's memory: one of its own, by its ``name`` there, or only a ``file`` (see ``brought``).

    ``file`` is what Streamlit calls the visitor's file; ``icon`` a small JPEG, if there is one; ``at`` when it came, in
    seconds since 1970.
    """

    session: str
    owner: str
    title: str
    name: str
    file: str
    content: bytes = field(repr=False)
    at: float
    icon: bytes = field(default=b"", repr=False)

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.session} {self.name or self.file}"

    def delete(self) -> None:
        """Take it from its session: the file at once, the rest when the visitor's page next runs, which says so."""
        if uploads := bound_uploads():
            uploads.remove(self.session, self.file)
        for keeper in _all():
            if keeper.session == self.session:
                keeper.unwanted[self.name or self.file] = self.title


def brought() -> list[Brought]:
    """What visitors have brought, in all sessions, the latest first.

    Beside the sessions' own pictures these are files that only Streamlit keeps: the pictures of a batch, those that
    can't be read, and those that no page has asked for.
    """
    return sorted([*_own(), *_files()], key=lambda one: -one.at)


def icon(picture: Image.Image) -> bytes:
    """A small JPEG of a picture."""
    return jpeg(shrunk(picture, _ICON_SIDE), 80)


def decoded_icon(one: Brought) -> bytes:
    """The icon of a file that hasn't been decoded yet; b"" if it can't be read."""
    try:
        return icon(open_apart(one.content))
    except ImageError:
        return b""


def _all() -> list[Keeper]:
    with _changing:
        return list(_keepers)


def _own() -> Iterator[Brought]:
    for who in _all():
        for name, its in list(who.own.items()):
            if name not in who.unwanted:
                yield Brought(who.session, who.owner, its.title, name, its.file, its.content, its.at, its.icon)


def _files() -> Iterator[Brought]:
    uploads, keepers = bound_uploads(), _all()
    owners = {who.session: who.owner for who in keepers}
    known = {its.file for who in keepers for its in list(who.own.values())}
    for session, file, at in uploads.files() if uploads else ():
        if file.file_id not in known and begins_like_a_picture(file.data[:_HEAD]):
            yield Brought(session, owners.get(session, ""), file.name, "", file.file_id, file.data, at)
