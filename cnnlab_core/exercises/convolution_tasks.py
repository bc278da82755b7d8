"""Exercises on convolution and pooling with small whole numbers, answered by :mod:`cnnlab_core.convolution`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core import convolution as cv
from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.exercises.exercise import Numbers, Task


def conv1d(generator: np.random.Generator, level: int) -> Task:
    """A kernel over a signal. Level 2: a stride or padding; 3: both, or flipped, or dilated, and a bias."""
    length, k = [(5, 2), (6, 3), (7, 3)][level - 1]
    x, w = _cells(generator, (length,)), _weights(generator, (k,))
    settings: list[list[dict[str, Any]]] = [
        [{}],
        [{"stride": 2}, {"padding": 1}],
        [{"stride": 2, "padding": 1}, {"flip": True}, {"dilation": 2}],
    ]
    options = _pick(generator, settings[level - 1])
    givens: dict[str, Any] = {"x": x, "w": w} | ({"b": _weights(generator, (1,))} if level == 3 else {})
    hint = (
        "Lay the kernel on the first cells, multiply cell by cell and add up. Then move it on by the stride. "
        "Padding is a border of zeros; dilation leaves gaps between the kernel's cells."
    )
    return _slide("the signal", givens, options, cv.conv1d(**givens, **options), hint)


def conv2d(generator: np.random.Generator, level: int) -> Task:
    """A kernel over an image. Level 2: a stride, perhaps padding; 3: two channels, a bias, perhaps flipped."""
    x_shape, w_shape = [((3, 3), (2, 2)), ((4, 4), (2, 2)), ((2, 3, 3), (1, 2, 2, 2))][level - 1]
    x, w = _cells(generator, x_shape), _weights(generator, w_shape)
    settings: list[list[dict[str, Any]]] = [[{}], [{"stride": 2}, {"stride": 2, "padding": 1}], [{}, {"flip": True}]]
    options = _pick(generator, settings[level - 1])
    givens: dict[str, Any] = {"x": x, "w": w} | ({"b": _weights(generator, (1,))} if level == 3 else {})
    hint = (
        "Lay the kernel on the upper left corner, multiply cell by cell and add up (over all channels). Move it "
        "on by the stride, first along the row, then down."
    )
    return _slide("the image", givens, options, cv.conv2d(**givens, **options), hint)


def _slide(what: str, givens: dict[str, Any], options: dict[str, Any], y: Array, hint: str) -> Task:
    prompt = f"Slide the kernel $w$ over {what} $x${_settings(options)}. What is $y$?\n\n{_shown(givens)}"
    cells = [cv.explain("y", index, **givens, **options) for index in np.ndindex(y.shape)]
    answer = y.reshape(y.shape[-(1 if what == "the signal" else 2) :])
    steps = (f"The rule: ${cells[0].law}$", *_worked(cells), _result("y", answer))
    return Task(prompt, (Numbers("", answer),), hint, steps, {**givens, **options})


def output_size(generator: np.random.Generator, level: int) -> Task:
    """How large an output is. Level 2: with dilation; 3: of an image."""
    axes = ("row", "column") if level == 3 else ("position",)
    while True:
        sizes, kernel = generator.integers(6, 33, len(axes)), generator.integers(2, 6, len(axes))
        options: dict[str, Any] = {"stride": int(generator.integers(1, 4)), "padding": int(generator.integers(0, 3))}
        if level > 1:
            options["dilation"] = int(generator.integers(1, 3))
        if (options.get("dilation", 1) * (kernel - 1) < sizes + 2 * options["padding"]).all():  # the window fits
            break
    results = [
        cv.output_size(n, k, name=name, **options)
        for n, k, name in zip(sizes.tolist(), kernel.tolist(), axes, strict=True)
    ]
    over = "an image" if level == 3 else "a signal"
    prompt = (
        f"A kernel of ${_times(kernel)}$ cells slides over {over} of ${_times(sizes)}${_settings(options)}. "
        f"How large is the output?{' Give its rows and columns.' if level == 3 else ''}"
    )
    hint = r"$\left\lfloor \frac{n + 2p - d (k - 1) - 1}{s} \right\rfloor + 1$ for each axis."
    steps = [rf"$\displaystyle {results[0].symbols}$"]
    for result in results:
        steps.append(rf"$\displaystyle {result.numbers}$" + (f" {result.sentence}" if result.sentence else ""))
    answer = np.array([float(result.size) for result in results])
    givens = {"input": sizes.astype(float), "kernel": kernel.astype(float), **options}
    return Task(prompt, (Numbers("", answer),), hint, tuple(steps), givens)


def max_pool(generator: np.random.Generator, level: int) -> Task:
    """The maximum of every window. Level 2: windows overlap; 3: with padding."""
    levels: list[tuple[int, int, dict[str, Any]]] = [
        (4, 2, {}),
        (4, 2, {"stride": 1}),
        (5, 3, {"stride": 2, "padding": 1}),
    ]
    size, window, options = levels[level - 1]
    x = generator.integers(-9, 10, (size, size)).astype(float)
    y = cv.max_pool2d(x, window, **options)
    slide = _settings(options) or f", stride {window} (the size of the window)"
    square = rf"${window} \times {window}$"
    prompt = f"Take the maximum of each {square} window of $x${slide}. What is $y$?\n\n{_shown({'x': x})}"
    hint = "Every window gives its largest cell. In max pooling, padding counts as $-\\infty$: it never wins."
    cells = [cv.explain_pool("max", "y", index, x, (window, window), **options) for index in np.ndindex(y.shape)]
    steps = (*_worked(cells), _result("y", y))
    return Task(prompt, (Numbers("", y),), hint, steps, {"x": x, "window": window, **options})


def gradient_cell(generator: np.random.Generator, level: int) -> Task:
    """One cell of a gradient. Level 1: of the kernel's; 2: of the input's; 3: of either, with stride and padding."""
    target = ["dw", "dx", ["dw", "dx"][int(generator.integers(2))]][level - 1]
    options: dict[str, Any] = {"padding": 1, "stride": 2} if level == 3 else {}
    givens: dict[str, Any] = {"x": _cells(generator, (3, 3)), "w": _weights(generator, (2, 2))}
    givens["dy"] = _weights(generator, (2, 2))
    shape = givens["w" if target == "dw" else "x"].shape
    index = tuple(int(generator.integers(n)) for n in shape)
    cell = cv.explain(target, index, **givens, **options)
    prompt = (
        f"$y$ is $x$ convolved with $w${_settings(options)}, and the loss has the gradient $dy$ with respect to $y$. "
        f"What is ${latex.symbol(target, index)}$ (rows and columns counted from 0)?\n\n{_shown(givens)}"
    )
    hint = (
        "Which outputs does the cell take part in, and what is it multiplied by there? Add up those "
        "factors, each times the gradient $dy$ of its output."
    )
    steps = (f"The rule: ${cell.law}$", f"${cell.symbols}$", f"${cell.numbers}$")
    answer = np.array([cell.total])
    return Task(prompt, (Numbers("", answer),), hint, steps, {**givens, "target": target, "index": index, **options})


def update_step(generator: np.random.Generator, level: int) -> Task:
    """A step of gradient descent. From level 2 on, its gradient has to be found first."""
    eta = [0.1, 0.5, 0.01][int(generator.integers(3))]
    shape, backward = [((2, 2), cv.conv2d_backward), ((2,), cv.conv1d_backward), ((2, 2), cv.conv2d_backward)][
        level - 1
    ]
    steps: list[str] = []
    givens: dict[str, Any] = {"w": _weights(generator, shape)}
    if level == 1:
        story = "The loss has the gradient $dw$ with respect to the kernel $w$."
        givens["dw"] = dw = _weights(generator, shape)
    else:
        story = "$y$ is $x$ convolved with $w$, and the loss has the gradient $dy$ with respect to $y$."
        givens = {"x": _cells(generator, (3,) * len(shape)), **givens, "dy": _weights(generator, shape)}
        dw = backward(**givens).dw
        steps = [*_worked([cv.explain("dw", index, **givens) for index in np.ndindex(shape)]), _result("dw", dw)]
    answer = cv.sgd_update(givens["w"], dw, eta).round(12)  # 0.4, as by hand, not 0.40000000000000013
    prompt = f"{story} What is $w$ after one step of gradient descent with $\\eta = {eta:g}$?\n\n{_shown(givens)}"
    hint = (
        "$w - \\eta \\, dw$, cell by cell. If $dw$ isn't given: each of its cells is the sum of $dy$ times the "
        "input that the kernel's cell met."
    )
    step = rf"w - \eta \, dw = {latex.matrix(givens['w'])} - {eta:g} \cdot {latex.matrix(dw)} = {latex.matrix(answer)}"
    steps.append(f"$w \\leftarrow {step}$")
    return Task(prompt, (Numbers("", answer),), hint, tuple(steps), {**givens, "eta": eta})


# --- numbers --------------------------------------------------------------------------------------------------


def _cells(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A signal or image: 0 to 4."""
    return generator.integers(0, 5, shape).astype(np.float64)


def _weights(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A kernel, bias or gradient: -2 to 2, with something in it."""
    weights = generator.integers(-2, 3, shape).astype(np.float64)
    return weights if weights.any() else np.ones(shape)


def _pick(generator: np.random.Generator, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return choices[int(generator.integers(len(choices)))]


# --- words ----------------------------------------------------------------------------------------------------


def _settings(options: dict[str, Any]) -> str:
    """The options in words, to follow a noun: ", stride 2, padding 1"."""
    words = [f"{name} {value}" for name, value in options.items() if name != "flip"]
    if options.get("flip"):
        words.append("with the kernel flipped first (true convolution)")
    return "".join(f", {word}" for word in words)


def _shown(givens: dict[str, Any]) -> str:
    return "\n\n".join(f"$${name} = {latex.matrix(array)}$$" for name, array in givens.items())


def _worked(cells: list[cv.Explanation]) -> list[str]:
    return [f"${cell.numbers}$" for cell in cells]


def _result(name: str, array: Array) -> str:
    return f"${name} = {latex.matrix(array)}$"


def _times(sizes: npt.NDArray[np.int64]) -> str:
    return r" \times ".join(str(size) for size in sizes.tolist())
