"""Which trained network the tabs Write and Look inside are about: one that came with the lab, or one's own."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st

from cnnlab_core.data import Text, open_text
from cnnlab_core.errors import LabError
from cnnlab_core.language import CharacterModel, character_models, describe_character_model, load_character_model
from cnnlab_core.training import Config, Run, character_model, config_from, find_run
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import seen_runs
from cnnlab_core.ui.training.steering import written

CONTROLS = AREAS["text"].controls
SHIPPED = "names_lstm"


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: its ``name`` in links, whether it is ``of_run``, the ``config`` of its training, and the text
    that it ``learned`` from, if that is still here. ``version`` changes when its weights do."""

    name: str
    of_run: bool
    version: int
    model: CharacterModel
    config: Config
    learned: Text | None

    @property
    def key(self) -> tuple[str, int]:
        """What makes results the same: to be part of each job's key."""
        return self.name, self.version

    @property
    def data(self) -> str:
        """The name of the text that it learned from, or nothing where that isn't here any more."""
        return self.config.data if self.learned else ""

    def lines(self) -> frozenset[str] | None:
        """The lines that it learned from, or None where its text isn't here."""
        return _lines(self.learned, self.config.validation) if self.learned else None


def choose(place: Any = st) -> Network:
    """The box of networks; gives the chosen one. Raises a ``LabError`` for one that can't be opened."""
    runs = {run.id: run for run in seen_runs("text") if not run.shipped and written(run)}
    exported = [name for name in character_models() if name.removeprefix("run:") not in runs]
    titles = {name: load_character_model(name).title for name in exported}
    titles |= {name: run.about.name for name, run in runs.items()}
    name = CONTROLS.named("model", "Network", list(titles), SHIPPED, titles.__getitem__, place=place)
    run = runs.get(name)
    version = _newest(run) if run else 0
    if run:
        model, config = _of_run(name, version), run.config
    else:
        model, config = load_character_model(name), config_from(describe_character_model(name)["config"])
    try:
        learned = open_text(config.data)
    except LabError:
        learned = None
    return Network(name, run is not None, version, model, config, learned)


def _newest(run: Run) -> int:
    """When the run's newest weights were written."""
    return max((path.stat().st_mtime_ns for path in run.checkpoints.glob("*.pt")), default=0)


@st.cache_resource(max_entries=16, show_spinner=False)
def _of_run(name: str, version: int) -> CharacterModel:
    return character_model(find_run(name))


@lru_cache(maxsize=4)
def _lines(text: Text, held_out: float) -> frozenset[str]:
    return frozenset(text.written(text.split(held_out)[0]).split("\n"))
