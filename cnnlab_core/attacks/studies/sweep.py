"""The jobs behind the tabs that attack again and again: over epsilon, over step sizes, over pictures; plain numpy out.

What they say is said of 8-bit pictures, but for the smallest epsilon found by bisection, where both are told apart.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.attacks.minimal_epsilon import EpsilonStep, minimal_epsilon_steps
from cnnlab_core.attacks.reach import METHODS, Method
from cnnlab_core.attacks.step_map import Cell, MapStep, step_map_steps
from cnnlab_core.attacks.studies.attack import View
from cnnlab_core.attacks.sweep import Sweep, SweepStep, sweep_steps
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import open_image
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import relay

NAMES: dict[Method, str] = {"fgsm": "FGSM", "pgd": "PGD"}


@dataclass(frozen=True)
class Curve:
    """What the network says of one picture, attacked by ``method`` at each of E epsilons: ``logits`` (E, classes).

    The attack leads away from class ``y``, or to the ``target``.
    """

    method: Method
    eps: tuple[float, ...]
    y: int
    target: int | None
    logits: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The most probable class at each epsilon, (E,)."""
        return self.logits.argmax(-1)

    @property
    def success(self) -> np.ndarray:
        """Where the network is fooled, (E,) bool."""
        return self.best != self.y if self.target is None else self.best == self.target

    @property
    def others(self) -> np.ndarray:
        """At each epsilon the most probable class but ``y`` and the target, (E,)."""
        rest = self.logits.copy()
        rest[:, [self.y] if self.target is None else [self.y, self.target]] = -np.inf
        return rest.argmax(-1)

    def probability(self, classes: int | np.ndarray) -> np.ndarray:
        """The probability of a class at each epsilon, or of a class for each, (E,)."""
        return softmax(self.logits)[np.arange(len(self.eps)), classes]

    @property
    def changes(self) -> float | None:
        """The smallest of the epsilons at which the class is another than ``y``."""
        return _first(self.eps, self.best != self.y)

    @property
    def smallest(self) -> float | None:
        """The smallest of the epsilons that fools the network."""
        return _first(self.eps, self.success)


@dataclass(frozen=True)
class Swept:
    """A curve with its 8-bit pictures ``pixels`` uint8 (E, H, W, 3).

    ``direction`` float32 (H, W, 3) is FGSM's step of length 1, None for PGD.
    """

    curve: Curve
    pixels: np.ndarray
    direction: np.ndarray | None

    def view(self, index: int) -> View:
        """The picture at one of the epsilons."""
        return View(self.pixels[index], self.curve.logits[index])


@dataclass(frozen=True)
class CurvesStep:
    """Progress: the share ``done``, and the ``curves`` as far as they are known."""

    done: float
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class PicturesStep:
    """Progress over several pictures: the curves of those ``finished``, and of the ``current`` one as far as known."""

    done: float
    finished: tuple[tuple[Curve, ...], ...]
    current: tuple[Curve, ...]


@dataclass(frozen=True)
class Smallest:
    """The smallest epsilon with which ``method`` fools the network as floats; None if the search found none.

    ``eps - precision`` was too little. ``rounded`` says whether the picture still fools it once rounded to 8 bits.
    """

    method: Method
    eps: float | None
    precision: float
    rounded: bool


@dataclass(frozen=True)
class MapCell:
    """PGD with one ``step_size`` after so many ``steps``: the picture, and the objective ``loss``, which rises."""

    step_size: float
    steps: int
    view: View
    loss: float
    success: bool


def sweep_picture(
    model: LoadedModel,
    x: torch.Tensor,
    *,
    eps: Sequence[float],
    method: Method,
    norm: str,
    steps: int,
    y: int | None = None,
    target: int | None = None,
) -> Generator[SweepStep, None, Swept]:
    """One attack on one picture ``x`` (1, 3, H, W) at each epsilon. Raises what ``sweep`` raises."""
    together = 1 if x.device.type == "cpu" else len(eps)
    found = yield from sweep_steps(
        model, x, y, eps=eps, method=method, norm=norm, steps=steps, target=target, together=together
    )
    direction = None if found.direction is None else _picture(found.direction)
    return Swept(_curve(method, found), np.stack([_picture(row) for row in found.pictures]), direction)


def compare_methods(
    model: LoadedModel,
    x: torch.Tensor,
    *,
    eps: Sequence[float],
    norm: str,
    steps: int,
    y: int | None = None,
    target: int | None = None,
) -> Generator[CurvesStep, None, tuple[Curve, ...]]:
    """FGSM and PGD on one picture ``x`` (1, 3, H, W) at each epsilon. Raises what ``sweep`` raises."""
    if y is None:
        with torch.no_grad():
            y = int(model(x).argmax())
    curves: tuple[Curve, ...] = ()
    for method in METHODS:

        def told(step: SweepStep, method: Method = method, known: tuple[Curve, ...] = curves) -> CurvesStep:
            if step.logits:
                logits = torch.cat(step.logits).double().cpu().numpy()
                known += (Curve(method, step.eps, y, target, logits),)
            return CurvesStep(_share(method, step.done), known)

        job = sweep_picture(model, x, eps=eps, method=method, norm=norm, steps=steps, y=y, target=target)
        curves += ((yield from relay(job, told)).curve,)
    return curves


def smallest_epsilons(
    model: LoadedModel,
    x: torch.Tensor,
    *,
    norm: str,
    steps: int,
    highest: float,
    y: int | None = None,
    target: int | None = None,
) -> Generator[float, None, tuple[Smallest, ...]]:
    """The smallest epsilon up to ``highest`` of FGSM and of PGD for one picture, by bisection; yields the share done.

    Raises what ``minimal_epsilon`` raises.
    """
    found: tuple[Smallest, ...] = ()
    for method in METHODS:

        def told(step: EpsilonStep, method: Method = method) -> float:
            return _share(method, step.done)

        job = minimal_epsilon_steps(
            model, x, y, method=method, norm=norm, steps=steps, target=target, highest=highest, iterations=12
        )
        result = yield from relay(job, told)
        eps = result.eps.item()
        if np.isfinite(eps):
            found += (Smallest(method, eps, result.precision.item(), bool(result.rounded.item())),)
        else:
            found += (Smallest(method, None, 0.0, False),)
    return found


def sweep_pictures(
    model: LoadedModel,
    pictures: Sequence[tuple[bytes, int | None]],
    *,
    eps: Sequence[float],
    norm: str,
    steps: int,
    target: int | None = None,
) -> Generator[PicturesStep, None, tuple[tuple[Curve, ...], ...]]:
    """FGSM and PGD on each picture, (file's bytes, true class or None: what the network says), one after the other."""
    finished: tuple[tuple[Curve, ...], ...] = ()
    for picture, y in pictures:

        def told(step: CurvesStep, known: tuple[tuple[Curve, ...], ...] = finished) -> PicturesStep:
            return PicturesStep((len(known) + step.done) / len(pictures), known, step.curves)

        job = compare_methods(
            model, model.prepare(open_image(picture)), eps=eps, norm=norm, steps=steps, y=y, target=target
        )
        finished += ((yield from relay(job, told)),)
    return finished


def smallest_for_pictures(
    model: LoadedModel,
    pictures: Sequence[tuple[bytes, int | None]],
    *,
    norm: str,
    steps: int,
    highest: float,
    target: int | None = None,
) -> Generator[float, None, tuple[tuple[Smallest, ...], ...]]:
    """``smallest_epsilons`` for each picture, as in ``sweep_pictures``; yields the share done."""
    found: tuple[tuple[Smallest, ...], ...] = ()
    for picture, y in pictures:

        def told(done: float, known: int = len(found)) -> float:
            return (known + done) / len(pictures)

        x = model.prepare(open_image(picture))
        job = smallest_epsilons(model, x, norm=norm, steps=steps, highest=highest, y=y, target=target)
        found += ((yield from relay(job, told)),)
    return found


def map_steps(
    model: LoadedModel,
    x: torch.Tensor,
    *,
    eps: float,
    step_sizes: Sequence[float],
    steps: Sequence[int],
    norm: str,
    target: int | None = None,
) -> Generator[tuple[float, tuple[MapCell, ...]], None, tuple[MapCell, ...]]:
    """PGD on one picture ``x`` (1, 3, H, W) for each step size, looked at after each number of steps.

    Yields the share done and the cells that are known. Raises what ``step_map`` raises.
    """
    told: list[MapCell] = []

    def tell(step: MapStep) -> tuple[float, tuple[MapCell, ...]]:
        told.extend(_cell(cell) for cell in step.cells[len(told) :])
        return step.done, tuple(told)

    job = step_map_steps(model, x, eps=eps, step_sizes=step_sizes, steps=steps, norm=norm, target=target)
    yield from relay(job, tell)
    return tuple(told)


def accuracy(curves: Sequence[Curve]) -> np.ndarray:
    """The share of pictures still named right at each epsilon, (E,), of curves over the same epsilons."""
    return np.mean([curve.best == curve.y for curve in curves], axis=0)


def half_fooled(curves: Sequence[Curve]) -> float | None:
    """The smallest of the epsilons at which at least half of the pictures fool the network."""
    return _first(curves[0].eps, np.mean([curve.success for curve in curves], axis=0) >= 0.5)


def class_in_name(file: str, labels: Sequence[str]) -> int | None:
    """The class that a file's name tells, as ImageNet's do (n02123045_tabby.JPEG); None if it tells none or two."""
    words = file.rsplit(".", 1)[0].split("_", 1)[-1].replace("_", " ").strip().lower()
    found = [index for index, label in enumerate(labels) if label.lower() == words]
    return found[0] if len(found) == 1 else None


def levels(eps: float, norm: str, digits: int = 4) -> str:
    """An epsilon for people: grey levels of 255 in linf, pixel units in l2 and l1."""
    return f"{255 * eps:.{digits}g}/255" if norm == "linf" else f"{eps:.{digits}g}"


def sweep_table(curves: Sequence[Curve], labels: Sequence[str], titles: Sequence[str]) -> str:
    """Curves as CSV, a row for each epsilon; ``titles`` names the picture of each."""
    rows = []
    for curve, title in zip(curves, titles, strict=True):
        p_best, p_y = curve.probability(curve.best), curve.probability(curve.y)
        p_target = None if curve.target is None else curve.probability(curve.target)
        for row, eps in enumerate(curve.eps):
            numbers = eps, p_best[row], p_y[row], *([] if p_target is None else [p_target[row]])
            shown = [f"{number:.9g}" for number in numbers] + [""] * (p_target is None)
            rows.append((title, NAMES[curve.method], shown[0], labels[curve.best[row]], *shown[1:], curve.success[row]))
    header = ("picture", "attack", "epsilon", "class", "probability", "p_class_before", "p_target", "fooled")
    return csv_table(header, rows)


def map_table(cells: Sequence[MapCell], labels: Sequence[str]) -> str:
    """The map as CSV, a row for each cell."""
    rows = [
        (
            f"{cell.step_size:.9g}",
            cell.steps,
            f"{cell.loss:.9g}",
            labels[cell.view.best],
            f"{cell.view.probability(cell.view.best):.9g}",
            cell.success,
        )
        for cell in cells
    ]
    return csv_table(("step_size", "steps", "objective", "class", "probability", "fooled"), rows)


def _share(method: Method, done: float) -> float:
    """How much of FGSM and then PGD is done, when ``method`` is at ``done``."""
    return 0.1 * done if method == "fgsm" else 0.1 + 0.9 * done


def _first(eps: tuple[float, ...], hits: np.ndarray) -> float | None:
    return next((value for value, hit in zip(eps, hits, strict=True) if hit), None)


def _curve(method: Method, found: Sweep) -> Curve:
    target = None if found.goal.target is None else int(found.goal.target.item())
    return Curve(method, found.eps, int(found.goal.y.item()), target, found.logits[:, 0].double().cpu().numpy())


def _cell(cell: Cell) -> MapCell:
    view = View(_picture(cell.picture), cell.logits[0].double().cpu().numpy())
    return MapCell(cell.step_size, cell.steps, view, cell.loss, cell.success == 1)


def _picture(values: torch.Tensor) -> np.ndarray:
    """Of a batch of one, (1, 3, H, W) to (H, W, 3)."""
    return values[0].permute(1, 2, 0).contiguous().cpu().numpy()
