"""The table of all exercises: what they are called, where in the lab they are done, and what makes them."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

import numpy as np

from cnnlab_core.checks import choice, whole
from cnnlab_core.exercises import attack_tasks, convolution_tasks, receptive_field_tasks, recurrent_tasks
from cnnlab_core.exercises.exercise import LEVELS, Exercise, Task
from cnnlab_core.exercises.statement_tasks import true_or_false, what_changes

MOST_SEED = 99_999


@dataclass(frozen=True)
class Place:
    """Where in the lab exercises are done: a page, what its address says of the ``view``, and how their keys begin.

    A place's address holds ``<prefix>_kind`` (a title), ``<prefix>_level`` and ``<prefix>_seed``.
    """

    page: str
    view: Mapping[str, str]
    prefix: str


CONVOLUTION = Place("convolution", {"conv_tab": "Practice"}, "conv_practice")
RECEPTIVE_FIELDS = Place("receptive_fields", {"maps_tab": "Practice"}, "maps_practice")
ADVERSARIAL = Place(
    "adversarial", {"adversarial_tab": "On paper", "adversarial_tab_paper": "Questions"}, "adversarial_practice"
)
RECURRENT = Place("exercises", {"exercises_tab": "Do it live"}, "exercises_live")


@dataclass(frozen=True)
class Kind:
    """A kind of exercise. ``make(seed, level)`` gives its task, always the same."""

    name: str
    title: str
    topic: str
    place: Place
    make: Callable[[int, int], Task]


def _kind(
    topic: str,
    place: Place,
    title: str,
    draw: Callable[[np.random.Generator, int], Task],
    stream: int | None = None,
) -> Kind:
    """A kind whose tasks are drawn from a generator, and which is called as ``draw`` is.

    ``stream`` is a number of its own, so that kinds of the same seed have nothing in common; it is made of the name.
    (The oldest kinds were numbered instead, and keep their exercises.)
    """
    name = draw.__name__
    number = zlib.crc32(name.encode()) if stream is None else stream

    def make(seed: int, level: int) -> Task:
        return draw(np.random.Generator(np.random.PCG64([number, level, seed])), level)

    return Kind(name, title, topic, place, make)


_of_convolution = partial(_kind, "Convolution", CONVOLUTION)
_of_fields = partial(_kind, "Receptive fields", RECEPTIVE_FIELDS)
_of_cells = partial(_kind, "Recurrent cells", RECURRENT)
_of_attacks = partial(_kind, "Attacks on a neuron", ADVERSARIAL)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _of_convolution("1-D convolution", convolution_tasks.conv1d, stream=0),
        _of_convolution("2-D convolution", convolution_tasks.conv2d, stream=1),
        _of_convolution("Output size", convolution_tasks.output_size, stream=2),
        _of_convolution("Max pooling", convolution_tasks.max_pool, stream=3),
        _of_convolution("A gradient cell", convolution_tasks.gradient_cell, stream=4),
        _of_convolution("An update step", convolution_tasks.update_step, stream=5),
        _of_fields("Size, jump and start", receptive_field_tasks.field_growth),
        _of_fields("The pixels of a unit", receptive_field_tasks.field_box),
        _of_fields("The missing number", receptive_field_tasks.field_setting),
        _of_fields("How many layers", receptive_field_tasks.field_depth),
        _of_attacks("Logit and gradient", attack_tasks.linear_score),
        _of_attacks("One step of FGSM", attack_tasks.fgsm_step),
        _of_attacks("Corners and optimum", attack_tasks.best_point),
        _of_attacks("PGD step by step", attack_tasks.pgd_walk),
        _of_attacks("The smallest epsilon", attack_tasks.smallest_epsilon),
        _of_cells("One step forward", recurrent_tasks.recurrent_step),
        _of_cells("One step back", recurrent_tasks.recurrent_back),
        _of_cells("How many parameters", recurrent_tasks.recurrent_parameters),
        Kind("true_or_false", "True or false", "Statements about attacks", ADVERSARIAL, true_or_false),
        Kind("what_changes", "What an attack changes", "Statements about attacks", ADVERSARIAL, what_changes),
    )
}


def make_exercise(kind: str, seed: int, level: int = 1) -> Exercise:
    """An exercise to do with a pen: the same for the same kind, seed and level, on every machine.

    Args:
        kind: one of :data:`KINDS`.
        seed: 0 to :data:`MOST_SEED`.
        level: 1, 2 or 3, from easy to less so.

    Raises:
        InputError: an unknown kind, or a number out of range.
    """
    found = KINDS[choice("kind", kind, KINDS)]
    seed, level = whole("seed", seed, most=MOST_SEED), whole("level", level, least=1, most=max(LEVELS))
    return Exercise(**vars(found.make(seed, level)), kind=kind, seed=seed, level=level)


def kinds_at(place: Place) -> dict[str, Kind]:
    """The kinds of exercises that are done there, by title."""
    return {kind.title: kind for kind in KINDS.values() if kind.place == place}


def query(exercise: Exercise) -> dict[str, str]:
    """What the address of an exercise's place says."""
    kind = KINDS[exercise.kind]
    place = kind.place
    values = {"kind": kind.title, "level": str(exercise.level), "seed": str(exercise.seed)}
    return {**place.view, **{f"{place.prefix}_{name}": value for name, value in values.items()}}


def address(exercise: Exercise) -> str:
    """Where in the lab the exercise is done: its page and query, to follow the lab's own address and a slash."""
    return f"{KINDS[exercise.kind].place.page}?{urlencode(query(exercise))}"
