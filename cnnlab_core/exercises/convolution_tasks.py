"""Exercises to do by hand, with worked solutions: the same for the same kind, seed and level, on every machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, choice, whole
from cnnlab_core.convolution import latex
from cnnlab_core.convolution.answers import TOLERANCE, Verdict, check_cells
from cnnlab_core.convolution.conv import conv1d, conv1d_backward, conv2d, conv2d_backward, sgd_update
from cnnlab_core.convolution.explain import Explanation, explain, explain_pool
from cnnlab_core.convolution.geometry import output_size
from cnnlab_core.convolution.pooling import max_pool2d

LEVELS = (1, 2, 3)


@dataclass(frozen=True)
class Exercise:
    """A question with its answer.

    ``givens`` are the arrays by name; ``options`` how they are to be convolved; ``prompt`` and the steps of
    ``solution`` are Markdown with LaTeX between dollar signs. A cell counts as right within ``tolerance``.
    """

    kind: str
    seed: int
    level: int
    prompt: str
    givens: dict[str, Array]
    options: dict[str, Any]
    answer: Array
    tolerance: float
    solution: list[str]


def make_exercise(kind: str, seed: int, level: int = 1) -> Exercise:
    """An exercise of small whole numbers.

    Args:
        kind: one of :data:`KINDS`.
        seed: 0 to 2^53.
        level: 1, 2 or 3; higher ones add stride, padding, a bias and larger grids.

    Raises:
        InputError: an unknown kind, or a number out of range.
    """
    choice("kind", kind, KINDS)
    seed, level = whole("seed", seed, most=2**53), whole("level", level, least=1, most=max(LEVELS))
    generator = np.random.Generator(np.random.PCG64([list(KINDS).index(kind), level, seed]))
    task = KINDS[kind](generator, level)
    return Exercise(kind, seed, level, task.prompt, task.givens, task.options, task.answer, TOLERANCE, task.solution)


def check_answer(exercise: Exercise, answer: str | npt.ArrayLike) -> Verdict:
    """Compare an answer, typed or as an array, with the right one: :func:`check_cells`."""
    return check_cells(exercise.answer, answer, exercise.tolerance)


@dataclass(frozen=True)
class Task:
    """What one of the makers below makes."""

    prompt: str
    givens: dict[str, Array]
    options: dict[str, Any]
    answer: Array
    solution: list[str]


def _conv1d_task(generator: np.random.Generator, level: int) -> Task:
    length, k = [(5, 2), (6, 3), (7, 3)][level - 1]
    x, w = _cells(generator, (length,)), _weights(generator, (k,))
    settings: list[list[dict[str, Any]]] = [
        [{}],
        [{"stride": 2}, {"padding": 1}],
        [{"stride": 2, "padding": 1}, {"flip": True}, {"dilation": 2}],
    ]
    options = _pick(generator, settings[level - 1])
    givens: dict[str, Any] = {"x": x, "w": w} | ({"b": _weights(generator, (1,))} if level == 3 else {})
    return _conv_task("the signal", givens, options, conv1d(**givens, **options))


def _conv2d_task(generator: np.random.Generator, level: int) -> Task:
    x_shape, w_shape = [((3, 3), (2, 2)), ((4, 4), (2, 2)), ((2, 3, 3), (1, 2, 2, 2))][level - 1]
    x, w = _cells(generator, x_shape), _weights(generator, w_shape)
    settings: list[list[dict[str, Any]]] = [[{}], [{"stride": 2}, {"stride": 2, "padding": 1}], [{}, {"flip": True}]]
    options = _pick(generator, settings[level - 1])
    givens: dict[str, Any] = {"x": x, "w": w} | ({"b": _weights(generator, (1,))} if level == 3 else {})
    return _conv_task("the image", givens, options, conv2d(**givens, **options))


def _conv_task(what: str, givens: dict[str, Any], options: dict[str, Any], y: Array) -> Task:
    prompt = f"Slide the kernel $w$ over {what} $x${_settings(options)}. What is $y$?\n\n{_shown(givens)}"
    cells = [explain("y", index, **givens, **options) for index in np.ndindex(y.shape)]
    answer = y.reshape(y.shape[-(1 if what == "the signal" else 2) :])
    return Task(prompt, givens, options, answer, [f"The rule: ${cells[0].law}$", *_worked(cells), _result("y", answer)])


def _output_size_task(generator: np.random.Generator, level: int) -> Task:
    axes = ("row", "column") if level == 3 else ("position",)
    sizes, kernel = generator.integers(6, 33, len(axes)), generator.integers(2, 6, len(axes))
    options: dict[str, Any] = {"stride": int(generator.integers(1, 4)), "padding": int(generator.integers(0, 3))}
    if level > 1:
        options["dilation"] = int(generator.integers(1, 3))
    results = [
        output_size(n, k, name=name, **options)
        for n, k, name in zip(sizes.tolist(), kernel.tolist(), axes, strict=True)
    ]
    inside = "An image" if level == 3 else "A signal"
    prompt = (
        f"{inside} of ${_times(sizes)}$ cells meets a kernel of ${_times(kernel)}${_settings(options)}. "
        f"How large is the output?{' Give its rows and columns.' if level == 3 else ''}"
    )
    solution = [rf"$\displaystyle {results[0].symbols}$"]
    solution += [
        rf"$\displaystyle {result.numbers}$" + (f" {result.sentence}" if result.sentence else "") for result in results
    ]
    givens: dict[str, Any] = {"input": sizes.astype(float), "kernel": kernel.astype(float)}
    return Task(prompt, givens, options, np.array([float(result.size) for result in results]), solution)


def _max_pool_task(generator: np.random.Generator, level: int) -> Task:
    levels: list[tuple[int, int, dict[str, Any]]] = [
        (4, 2, {}),
        (4, 2, {"stride": 1}),
        (5, 3, {"stride": 2, "padding": 1}),
    ]
    size, window, options = levels[level - 1]
    x = generator.integers(-9, 10, (size, size)).astype(float)
    y = max_pool2d(x, window, **options)
    slide = _settings(options) or f", stride {window} (the window itself)"
    square = rf"${window} \times {window}$"
    prompt = f"Take the maximum of each {square} window of $x${slide}. What is $y$?\n\n{_shown({'x': x})}"
    cells = [explain_pool("max", "y", index, x, (window, window), **options) for index in np.ndindex(y.shape)]
    return Task(prompt, {"x": x}, {"window": window, **options}, y, [*_worked(cells), _result("y", y)])


def _gradient_cell_task(generator: np.random.Generator, level: int) -> Task:
    target = ["dw", "dx", ["dw", "dx"][int(generator.integers(2))]][level - 1]
    options: dict[str, Any] = {"padding": 1, "stride": 2} if level == 3 else {}
    givens: dict[str, Any] = {"x": _cells(generator, (3, 3)), "w": _weights(generator, (2, 2))}
    givens["dy"] = _weights(generator, (2, 2))
    shape = givens["w" if target == "dw" else "x"].shape
    index = tuple(int(generator.integers(n)) for n in shape)
    cell = explain(target, index, **givens, **options)
    prompt = (
        f"$y$ is $x$ convolved with $w${_settings(options)}, and the loss has the gradient $dy$ with respect to $y$. "
        f"What is ${latex.symbol(target, index)}$ (rows and columns counted from 0)?\n\n{_shown(givens)}"
    )
    solution = [f"The rule: ${cell.law}$", f"${cell.symbols}$", f"${cell.numbers}$"]
    return Task(prompt, givens, {"target": target, "index": index, **options}, np.array([cell.total]), solution)


def _update_step_task(generator: np.random.Generator, level: int) -> Task:
    eta = [0.1, 0.5, 0.01][int(generator.integers(3))]
    shape, backward = [((2, 2), conv2d_backward), ((2,), conv1d_backward), ((2, 2), conv2d_backward)][level - 1]
    steps: list[str] = []
    givens: dict[str, Any] = {"w": _weights(generator, shape)}
    if level == 1:
        story = "The loss has the gradient $dw$ with respect to the kernel $w$."
        givens["dw"] = dw = _weights(generator, shape)
    else:
        story = "$y$ is $x$ convolved with $w$, and the loss has the gradient $dy$ with respect to $y$."
        givens = {"x": _cells(generator, (3,) * len(shape)), **givens, "dy": _weights(generator, shape)}
        dw = backward(**givens).dw
        steps = [*_worked([explain("dw", index, **givens) for index in np.ndindex(shape)]), _result("dw", dw)]
    answer = sgd_update(givens["w"], dw, eta).round(12)  # 0.4, as by hand, not 0.40000000000000013
    prompt = f"{story} What is $w$ after one step of gradient descent with $\\eta = {eta:g}$?\n\n{_shown(givens)}"
    step = rf"w - \eta \, dw = {latex.matrix(givens['w'])} - {eta:g} \cdot {latex.matrix(dw)} = {latex.matrix(answer)}"
    return Task(prompt, givens, {"eta": eta}, answer, [*steps, f"$w \\leftarrow {step}$"])


KINDS: dict[str, Callable[[np.random.Generator, int], Task]] = {
    "conv1d": _conv1d_task,
    "conv2d": _conv2d_task,
    "output_size": _output_size_task,
    "max_pool": _max_pool_task,
    "gradient_cell": _gradient_cell_task,
    "update_step": _update_step_task,
}


def _cells(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A signal or image: 0 to 4."""
    return generator.integers(0, 5, shape).astype(np.float64)


def _weights(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A kernel, bias or gradient: -2 to 2, with something in it."""
    weights = generator.integers(-2, 3, shape).astype(np.float64)
    return weights if weights.any() else np.ones(shape)


def _pick(generator: np.random.Generator, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return choices[int(generator.integers(len(choices)))]


def _settings(options: dict[str, Any]) -> str:
    """The options in words, to follow a noun: ", stride 2, padding 1"."""
    words = [f"{name} {value}" for name, value in options.items() if name != "flip"]
    if options.get("flip"):
        words.append("the kernel flipped first (true convolution)")
    return "".join(f", {word}" for word in words)


def _shown(givens: dict[str, Any]) -> str:
    return "\n\n".join(f"$${name} = {latex.matrix(array)}$$" for name, array in givens.items())


def _worked(cells: list[Explanation]) -> list[str]:
    return [f"${cell.numbers}$" for cell in cells]


def _result(name: str, array: Array) -> str:
    return f"${name} = {latex.matrix(array)}$"


def _times(sizes: npt.NDArray[np.int64]) -> str:
    return r" \times ".join(str(size) for size in sizes.tolist())
