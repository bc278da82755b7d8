"""The networks that a session has brought: in its memory, where no other session finds them. Needs no torch.

A link has a network's name, which opens it in this session alone.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakSet

import streamlit as st

from cnnlab_core.models.own.kept import Asked
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.recipes.own import with_own

if TYPE_CHECKING:
    from cnnlab_core.models.own import Own
    from cnnlab_core.models.own.trying import Tried

_KEY = "own networks"


@dataclass(frozen=True, eq=False)
class Mine:
    """A network, how its file was read, and what it did when it was tried."""

    own: "Own"
    asked: Asked
    tried: "Tried"

    @property
    def bytes(self) -> int:
        """What it takes in memory: weights, and the file that they came in."""
        return self.own.size + self.asked.size


@dataclass(eq=False)
class Networks:
    """A session's networks by name, and how its dialog stands.

    ``pending`` is to be read, ``refused`` was read last, in vain; ``problem`` says why. ``brought`` counts files.
    """

    by_name: dict[str, Mine] = field(default_factory=dict)
    is_open: bool = False
    pending: Asked | None = None
    refused: Asked | None = None
    problem: str = ""
    brought: int = 0

    def __post_init__(self) -> None:
        _of_all.add(self)

    @property
    def files(self) -> list[Asked]:
        """The files in its memory: its networks', and the one that was refused."""
        refused = self.refused
        return [*(mine.asked for mine in list(self.by_name.values())), *([refused] if refused else [])]


_of_all: WeakSet[Networks] = WeakSet()
"""As long as their sessions live, which hold them."""


def my_networks() -> Networks:
    """This session's."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Networks()
    return st.session_state[_KEY]


def my_specs() -> tuple[ModelSpec, ...]:
    """What is known of each of them, the last brought first."""
    found: Networks | None = st.session_state.get(_KEY)
    return tuple(mine.own.spec for mine in reversed(found.by_name.values())) if found else ()


def my_code(code: str) -> str:
    """The code of a view, which begins by reading those of them that it is about."""
    mine_by_name = my_networks().by_name
    return with_own(code, {name: (mine.own.spec.title, mine.asked) for name, mine in mine_by_name.items()})


def files_of_all() -> int:
    """The bytes of the files in the memory of all sessions."""
    return sum(asked.size for one in list(_of_all) for asked in one.files)
