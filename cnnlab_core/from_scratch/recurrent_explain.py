"""Where a single number of a recurrent cell comes from: the terms of its sum, forwards and back through time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from cnnlab_core.checks import by_annotation, choice, whole
from cnnlab_core.convolution import latex
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.recurrent import (
    FORMS,
    READOUT,
    SLOPES,
    Bias,
    Node,
    Product,
    Summand,
    Unrolled,
    Vector,
    Weighted,
)

MAX_WRITTEN = 12  # terms that an equation writes out before it turns to dots
Index = tuple[int, ...]

_FORMULAS = {
    "": "{0}",
    "tanh": r"\tanh({0})",
    "exp": "e^{{{0}}}",
    "rest": "(1 - {0})",
    "minus": "(-1)",
    "tanh slope": r"(1 - \tanh^2({0}))",
    "from tanh": "(1 - ({0})^2)",
    "from sigmoid": "{0} (1 - {0})",
}
_BRACKETED = ("exp", "tanh", "tanh slope", "from tanh")  # forms that need no further brackets around a number
_MADE = {
    "": "{0}",
    "tanh": r"\tanh({0})",
    "sigmoid": r"\sigma({0})",
    "softmax": r"\frac{{{1}}}{{{0}}}",
    "minus log": r"-\log {0}",
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term: a cell of the array ``name`` at the caller's ``index``, its number before the ``form``
    ("rest": 1 - v, and so on; see ``recurrent.FORMS``), and the ``value`` that is multiplied."""

    name: str
    index: Index
    number: float
    form: str
    value: float


class Term(NamedTuple):
    """A product of a sum, the ``running`` sum with it, and where it comes from, ``group``: "W x", "step 2"."""

    factors: tuple[Factor, ...]
    product: float
    running: float
    group: str


@dataclass(frozen=True)
class Explanation:
    """One cell: ``total`` is the ``function`` ("", "tanh", "sigmoid", "softmax", "minus log") of the sum of its terms.

    In LaTeX: ``law`` is the rule for every cell, ``symbols`` this cell's equation by name, ``numbers`` by value; there
    steps and units count from 1, and h^(0) is the state before the first step.
    """

    target: str
    index: Index
    terms: list[Term]
    function: str
    total: float
    law: str
    symbols: str
    numbers: str


@by_annotation
def explain_recurrent(
    unrolled: Unrolled, target: str, index: tuple[int, ...], *, letters: tuple[str, ...] = ()
) -> Explanation:
    """The terms whose sum is one cell of a sequence that was read, or of one of its gradients.

    Args:
        unrolled: what :func:`cnnlab_core.from_scratch.unroll` gives.
        target: the name of an array in ``unrolled.arrays``: h, p, loss, dh, dW, ...; not x, h0 or c0, which are given.
        index: of the cell in that array, from 0.
        letters: what the inputs and outputs are called in formulas, such as ("h", "e"); default: their numbers.

    Raises:
        InputError: an array or a cell that isn't there.
    """
    return _Explainer(unrolled, letters).explain(target, index)


def explainable(unrolled: Unrolled) -> list[str]:
    """The arrays whose cells can be explained."""
    return [name for name in unrolled.arrays if name not in ("x", "h0", "c0")]


def all_terms(unrolled: Unrolled, target: str) -> tuple[str, dict[Index, list[Term]]]:
    """The function of an array's cells, and the terms of each of them: as explained, but for the formulas."""
    explainer = _Explainer(unrolled, ())
    shape = unrolled.arrays[target].shape
    return explainer.function(target), {place: explainer.terms(target, place) for place in np.ndindex(shape)}


Parts = tuple[str, list[Factor]]  # a term's group and factors


class _Explainer:
    """All places are (step, sequence, unit) in here; the caller's index lacks the sequence where there is no batch."""

    def __init__(self, unrolled: Unrolled, letters: Sequence[str]) -> None:
        self.read, self.letters, self.steps = unrolled, letters, len(unrolled.x)
        self.nodes = {node.name: node for node in unrolled.nodes}
        self.gradients = {unrolled.cell.gradient_of(node): node for node in unrolled.nodes}

    def explain(self, target: str, index: Index) -> Explanation:
        array = self.read.arrays[choice("target", target, explainable(self.read))]
        if len(index) != array.ndim:
            raise InputError(f"The index of {target} has {len(index)} numbers: give {array.ndim}, for {array.shape}.")
        place = tuple(whole(f"The index of {target}", i, 0, n - 1) for i, n in zip(index, array.shape, strict=True))
        function, terms = self.function(target), self.terms(target, place)
        total = float(array[place])
        symbols, values = (self._written(terms, by_name=by_name) for by_name in (True, False))
        above = [factor for term in terms for factor in term.factors if factor.index == place]
        tops = [self._formula(above[0], by_name=by_name) if function == "softmax" else "" for by_name in (True, False)]
        left = self.symbol(target, place)
        by_name, by_value = (_MADE[function].format(*pair) for pair in zip((symbols, values), tops, strict=True))
        equals = [f"{left} = {by_value}"]
        if by_value != latex.number(total):
            equals += [r"\approx", latex.number(total)]
        return Explanation(
            target, place, terms, function, total, self._law(target), f"{left} = {by_name}", " ".join(equals)
        )

    # --- the terms ---

    def function(self, target: str) -> str:
        if target in ("p", "loss"):
            return "softmax" if target == "p" else "minus log"
        return self.nodes[target].function if target in self.nodes else ""

    def terms(self, target: str, place: Index) -> list[Term]:
        terms, running = [], 0.0
        for group, factors in self._parts(target, place):
            product = prod(factor.value for factor in factors)
            running += product
            terms.append(Term(tuple(factors), product, running, group))
        return terms

    def _parts(self, target: str, place: Index) -> Iterator[Parts]:
        if target[1:] in self.read.parameters and target[0] == "d":
            yield from self._of_parameter(target[1:], place)
            return
        if target[-1] == "0":
            yield from self._arriving(target[1:-1], -1, place[0] if self.read.batched else 0, place[-1])
            return
        step, sequence, unit = place if self.read.batched else (place[0], 0, place[1])
        if target in self.nodes:
            for term in self.nodes[target].terms:
                yield from self._forward(self.nodes[target], term, step, sequence, unit)
        elif target == "p":
            for k in range(self.read.full["y"].shape[2]):
                yield "", [self._cell("y", step, sequence, k, "exp")]
        elif target == "loss":
            right = int(self.read.targets[step, sequence])  # type: ignore[index]
            if right >= 0:
                yield "", [self._cell("p", step, sequence, right)]
        elif target == "dy":
            if self.read.targets is not None and self.read.targets[step, sequence] >= 0:
                yield "", [self._cell("p", step, sequence, unit)]
                if self.read.targets[step, sequence] == unit:
                    yield "the right letter" if self.letters else "the target", [Factor("one", (), 1.0, "minus", -1.0)]
        elif target in self.gradients:
            node = self.gradients[target]
            slope = [self._cell(node.name, step, sequence, unit, f"from {node.function}")] if node.function else []
            if node.name in self.read.cell.states and node.function:
                yield "", [self._cell(f"d{node.name}", step, sequence, unit), *slope]
                return
            for group, factors in self._arriving(node.name, step, sequence, unit):
                yield group, [*factors, *slope]
        else:
            yield from self._arriving(target[1:], step, sequence, unit)

    def _forward(self, node: Node, term: Summand, step: int, sequence: int, unit: int) -> Iterator[Parts]:
        if isinstance(term, Bias):
            yield "bias", [self._parameter(term.name, (term.gate * self._size(node) + unit,))]
        elif isinstance(term, Product):
            yield "", [self._of(vector, step, sequence, unit) for vector in term.factors]
        else:
            row = term.gate * self._size(node) + unit
            for k in range(self.read.parameters[term.matrix].shape[1]):
                weight = self._parameter(term.matrix, (row, k))
                yield f"{term.matrix} {term.of.name}", [weight, self._of(term.of, step, sequence, k)]

    def _arriving(self, name: str, step: int, sequence: int, unit: int) -> Iterator[Parts]:
        """What arrives at a vector from all that read it: those of the same step, and of the next."""
        if name == "h" and step >= 0 and self.read.dh is not None:
            value = float(self.read.dh[step, sequence, unit])
            yield "given", [Factor("given", (), value, "", value)]
        for node in reversed(self.read.nodes):
            gradient = self.read.cell.gradient_of(node)
            for term in node.terms:
                vectors = (
                    (term.of,) if isinstance(term, Weighted) else term.factors if isinstance(term, Product) else ()
                )
                for n, vector in enumerate(vectors):
                    at = step + vector.before
                    if vector.name != name or not 0 <= at < self.steps:
                        continue
                    group = f"from step {at + 1}" if vector.before else f"from {node.name}"
                    if isinstance(term, Weighted):
                        for k in range(self._size(node)):
                            weight = self._parameter(term.matrix, (term.gate * self._size(node) + k, unit))
                            yield group, [weight, self._cell(gradient, at, sequence, k)]
                    elif isinstance(term, Product):
                        others = [self._of(v, at, sequence, unit) for m, v in enumerate(vectors) if m != n]
                        if vector.form:
                            others.append(self._of(vector._replace(form=SLOPES[vector.form]), at, sequence, unit))
                        yield group, [self._cell(gradient, at, sequence, unit), *others]

    def _of_parameter(self, name: str, place: Index) -> Iterator[Parts]:
        for node in self.read.nodes:
            number, unit = divmod(place[0], self._size(node))
            for term in node.terms:
                if isinstance(term, Product) or term.gate != number or name != getattr(term, "matrix", term[0]):
                    continue
                for step, sequence in np.ndindex(self.read.x.shape[:2]):
                    group = f"step {step + 1}" + (f", sequence {sequence + 1}" if self.read.batched else "")
                    factors = [self._cell(self.read.cell.gradient_of(node), step, sequence, unit)]
                    if isinstance(term, Weighted):
                        factors.append(self._of(term.of, step, sequence, place[1]))
                    yield group, factors

    def _size(self, node: Node) -> int:
        return len(self.read.parameters["V"]) if node is READOUT else self.read.hidden

    def _of(self, vector: Vector, step: int, sequence: int, unit: int) -> Factor:
        return self._cell(vector.name, step - vector.before, sequence, unit, vector.form)

    def _cell(self, name: str, step: int, sequence: int, unit: int, form: str = "") -> Factor:
        lead: Index = (sequence,) if self.read.batched else ()
        if step < 0:
            name, index = f"{name}0", (*lead, unit)
        else:
            index = (step, *lead, unit)
        number = float(self.read.arrays[name][index])
        return Factor(name, index, number, form, float(np.exp(number) if form == "exp" else FORMS[form](number)))

    def _parameter(self, name: str, index: Index) -> Factor:
        value = float(self.read.parameters[name][index])
        return Factor(name, index, value, "", value)

    # --- in LaTeX ---

    def _written(self, terms: list[Term], *, by_name: bool) -> str:
        shown = [r" \, ".join(self._formula(f, by_name=True) for f in term.factors) if by_name else
                 r" \cdot ".join(self._formula(f, by_name=False) for f in term.factors) for term in terms]  # fmt: skip
        if len(shown) > MAX_WRITTEN:
            shown = [*shown[: MAX_WRITTEN - 1], r"\cdots", shown[-1]]
        return " + ".join(shown) or "0"

    def _formula(self, factor: Factor, *, by_name: bool) -> str:
        if by_name and factor.index:
            text = self.symbol(factor.name, factor.index)
        else:
            text = (latex.number if factor.form in _BRACKETED else latex.factor)(factor.number)
        return _FORMULAS[factor.form].format(text)

    def symbol(self, name: str, index: Index) -> str:
        """A cell in LaTeX, such as h^{(2)}_{1} or W^{f}_{1,\\text{h}}."""
        head, above, below = _head(name)
        bare = name.removeprefix("d")
        if bare in self.read.parameters:
            row = self._letter(index[0]) if bare in ("V", "by") else str(index[0] + 1)
            if bare in ("W", "U", "b"):
                number, place = divmod(index[0], self.read.hidden)
                above, row = self.read.cell.gates[number], str(place + 1)
            column = [self._letter(i) if bare == "W" else str(i + 1) for i in index[1:]]
            return f"{head}{f'^{{{above}}}' if above else ''}_{{{','.join([row, *column])}}}"
        step = 0 if name[-1] == "0" else index[0] + 1
        sequence = [str(index[-2] + 1)] if self.read.batched else []
        unit = self._letter(index[-1]) if head.removeprefix("d") in ("x", "y", "p") else str(index[-1] + 1)
        marks = "" if name == "loss" else f"_{{{f'{below},' if below else ''}{unit}}}"
        return f"{head}^{{({','.join([str(step), *sequence])})}}{marks}"

    def _letter(self, number: int) -> str:
        known = number < len(self.letters) and self.letters[number].isalnum()
        return rf"\text{{{self.letters[number]}}}" if known else str(number + 1)

    def _law(self, target: str) -> str:
        bare = target.removeprefix("d")
        if target == "p":
            return r"p^{(t)} = \operatorname{softmax}(y^{(t)})"
        if target == "loss":
            return r"L^{(t)} = -\log p^{(t)}_{\text{right}}"
        if target == "dy":
            return r"dy^{(t)} = p^{(t)} - \text{target}^{(t)}"
        if target in self.nodes:
            node = self.nodes[target]
            inner = " + ".join(self._term_law(term) for term in node.terms)
            return f"{_name(target, 't')} = {_MADE[node.function].format(inner)}"
        if bare in self.read.parameters:
            return self._parameter_law(bare)
        when = "0" if target[-1] == "0" else "t"
        if target in self.gradients and self.gradients[target].function:
            node = self.gradients[target]
            slope = _FORMULAS[f"from {node.function}"].format(_name(node.name, "t"))
            if node.name in self.read.cell.states:
                return rf"{_name(target, 't')} = {_name(f'd{node.name}', 't')} \odot {slope}"
            return rf"{_name(target, 't')} = ({self._arrivals(node.name, 't')}) \odot {slope}"
        bare = bare.removesuffix("0")
        return f"{_name(f'd{bare}', when)} = {self._arrivals(bare, when)}"

    def _term_law(self, term: Summand) -> str:
        if isinstance(term, Bias):
            return _matrix(term.name, self._gate(term))
        if isinstance(term, Weighted):
            return f"{_matrix(term.matrix, self._gate(term))} {_vector(term.of)}"
        return r" \odot ".join(_vector(vector) for vector in term.factors)

    def _arrivals(self, name: str, when: str) -> str:
        found = ["given"] if name == "h" and self.read.dh is not None and when == "t" else []
        for node in reversed(self.read.nodes):
            for term in node.terms:
                vectors = (
                    (term.of,) if isinstance(term, Weighted) else term.factors if isinstance(term, Product) else ()
                )
                for n, vector in enumerate(vectors):
                    if vector.name != name or (when == "0" and not vector.before):
                        continue
                    at = ("1" if when == "0" else "t+1") if vector.before else "t"
                    gradient = _name(self.read.cell.gradient_of(node), at)
                    if isinstance(term, Weighted):
                        found.append(rf"{_matrix(term.matrix, self._gate(term))}{{}}^\top {gradient}")
                    else:
                        others = [_vector(v, at) for m, v in enumerate(vectors) if m != n]
                        if vector.form:
                            others.append(_vector(vector._replace(form=SLOPES[vector.form]), at))
                        found.append(r" \odot ".join([gradient, *others]))
        return " + ".join(rf"\text{{{text}}}" if text == "given" else text for text in found) or "0"

    def _parameter_law(self, name: str) -> str:
        laws = []
        for node in self.read.nodes:
            for term in node.terms:
                if isinstance(term, Product) or name != term[0]:
                    continue
                gradient = _name(self.read.cell.gradient_of(node), "t")
                by = rf"\, {_vector(term.of)}{{}}^\top" if isinstance(term, Weighted) else ""
                laws.append(rf"d{_matrix(name, self._gate(term))} = \sum_t {gradient} {by}")
        return r",\quad ".join(laws)

    def _gate(self, term: Weighted | Bias) -> str:
        return self.read.cell.gates[term.gate] if term[0] in ("W", "U", "b") else ""


def _head(name: str) -> tuple[str, str, str]:
    """An array's symbol, what stands above it and the gate that stands below it: dai is da with i, by is b with y."""
    if name == "loss":
        return "L", "", ""
    if name in ("by", "bu", "dby", "dbu"):
        return name[:-1], name[-1], ""
    if name.startswith("da") and len(name) == 3:
        return "da", "", name[2]
    return name.removesuffix("0"), "", ""


def _name(name: str, step: str) -> str:
    head, _, below = _head(name)
    return f"{head}^{{({step})}}" + (f"_{{{below}}}" if below else "")


def _matrix(name: str, gate: str) -> str:
    head, above, _ = _head(name)
    above = above or gate
    return f"{head}^{{{above}}}" if above else head


def _vector(vector: Vector, step: str = "t") -> str:
    at = {"t": "t-1", "t+1": "t", "1": "0"}[step] if vector.before else step
    return _FORMULAS[vector.form].format(_name(vector.name, at))
