"""Every exercise has the answers that brute force gives: gradients of real stacks, autograd, and searches."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.exercises import KINDS, LEVELS, Choice, make_exercise, make_sheets, sheets_html
from cnnlab_core.exercises.kinds import MOST_SEED
from cnnlab_core.models.stack import read_stack
from cnnlab_core.recipes.exercises import exercise_code, sheet_code

torch.set_num_threads(1)
SEEDS = st.integers(0, MOST_SEED)
AT_LEVEL = st.sampled_from(LEVELS)
SOME = settings(max_examples=40, deadline=None, derandomize=True)
MANY = settings(max_examples=100, deadline=None, derandomize=True)


def numbers(exercise):
    return [part.answer.tolist() for part in exercise.parts if not isinstance(part, Choice)]


def chosen(exercise):
    return [part.answer for part in exercise.parts if isinstance(part, Choice)]


# --- of every kind --------------------------------------------------------------------------------------------


@given(st.sampled_from(list(KINDS)), SEEDS, AT_LEVEL)
@MANY
def test_answers_can_be_typed_as_they_are_and_others_are_wrong(kind, seed, level):
    exercise = make_exercise(kind, seed, level)
    assert (exercise.kind, exercise.seed, exercise.level) == (kind, seed, level)
    for part in exercise.parts:
        if isinstance(part, Choice):
            assert [part.check(option).correct for option in part.options].count(True) == 1
            continue
        assert np.isfinite(part.answer).all()
        typed = "\n".join(" ".join(f"{cell:.12g}" for cell in row) for row in np.atleast_2d(part.answer))
        assert part.check(typed).correct
        assert not part.check(part.answer + 1).correct


@given(st.sampled_from(list(KINDS)), SEEDS, AT_LEVEL)
@MANY
def test_an_exercise_is_the_same_every_time(kind, seed, level):
    first, second = (make_exercise(kind, seed, level) for _ in range(2))
    assert (first.prompt, first.solution, first.hint) == (second.prompt, second.solution, second.hint)
    assert numbers(first) == numbers(second)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_give_other_exercises_and_the_solution_says_the_answer(kind):
    exercises = [make_exercise(kind, seed, level) for seed in range(12) for level in LEVELS]
    assert len({exercise.prompt + str(exercise.parts) for exercise in exercises}) > 0.8 * len(exercises)
    for exercise in exercises:
        assert all(text.count("$") % 2 == 0 for text in [exercise.prompt, exercise.hint, *exercise.solution])
        said = " ".join(exercise.solution)
        for part in exercise.parts:
            if isinstance(part, Choice):
                assert part.answer in said.lower()
            elif part.tolerance < 1e-3:
                assert all(f"{cell:.6g}" in said for cell in part.answer.ravel())


@pytest.mark.parametrize(
    ("kind", "seed", "level", "words"),
    [
        ("evil", 0, 1, "choose one of"),
        ("conv2d", -1, 1, "seed"),
        ("conv2d", 10**9, 1, "seed"),
        ("conv2d", 1, 4, "level"),
    ],
)
def test_what_there_is_not_is_a_sentence(kind, seed, level, words):
    with pytest.raises(InputError, match=words):
        make_exercise(kind, seed, level)


# --- receptive fields -----------------------------------------------------------------------------------------


def run_stack(rows, x):
    """The stack on (1, 1, side, side), each pooling replaced by an average: every weight is positive."""
    for row in rows:
        if row.kind == "convolution":
            ones = torch.ones(1, 1, row.kernel, row.kernel, dtype=x.dtype)
            x = F.conv2d(x, ones, None, row.stride, row.padding, row.dilation)
        else:
            assert row.dilation == 1
            x = F.avg_pool2d(x, row.kernel, row.stride, row.padding)
    return x


def seen(rows, side, unit):
    """The pixels with a gradient: first row, first column, last row, last column."""
    x = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    run_stack(rows, x)[0, 0][unit].backward()
    at = x.grad[0, 0].nonzero()
    return [*at.min(0).values.tolist(), *at.max(0).values.tolist()]


def size_far_inside(rows):
    """The size of a middle unit's field on a picture so large that nothing is cut; and where the next one begins."""
    side = 240
    units = run_stack(rows, torch.zeros(1, 1, side, side, dtype=torch.float64)).shape[-1]
    middle = units // 2
    first, second = (seen(rows, side, (at, at)) for at in (middle, middle + 1))
    return first[2] - first[0] + 1, second[0] - first[0], first[0] - middle * (second[0] - first[0])


def sees(rows):
    """The size by the windows themselves: the taps of one unit, back to the input."""
    cells = {0}
    for row in reversed(rows):
        cells = {cell * row.stride + tap * row.dilation for cell in cells for tap in range(row.kernel)}
    return max(cells) - min(cells) + 1


@given(SEEDS, AT_LEVEL)
@SOME
def test_size_jump_start_and_map_are_those_of_a_real_stack(seed, level):
    exercise = make_exercise("field_growth", seed, level)
    rows, side = read_stack(exercise.givens["stack"]), exercise.givens["side"]
    size, jump, start = size_far_inside(rows)
    units = run_stack(rows, torch.zeros(1, 1, side, side, dtype=torch.float64)).shape[-1]
    assert numbers(exercise) == [[size], [jump], [start], [units]]


@given(SEEDS, AT_LEVEL)
@SOME
def test_the_box_is_where_the_gradient_is(seed, level):
    exercise = make_exercise("field_box", seed, level)
    rows, side, unit = (exercise.givens[name] for name in ("stack", "side", "unit"))
    found = seen(read_stack(rows), side, unit)
    assert numbers(exercise)[-1] == found
    size, jump, start = size_far_inside(read_stack(rows))
    whole = [start + at * jump for at in unit]
    assert numbers(exercise)[0] == [*whole, *(first + size - 1 for first in whole)]


@given(SEEDS, AT_LEVEL)
@SOME
def test_only_the_missing_number_gives_that_size(seed, level):
    exercise = make_exercise("field_setting", seed, level)
    if "missing" not in exercise.givens:  # which padding keeps the map as it is?
        kernel, dilation, side = (exercise.givens[name] for name in ("kernel", "dilation", "side"))
        x, ones = torch.zeros(1, 1, side, side), torch.ones(1, 1, kernel, kernel)
        fits = [
            padding
            for padding in range(30)
            if 2 * padding + side > dilation * (kernel - 1)
            and F.conv2d(x, ones, padding=padding, dilation=dilation).shape == x.shape
        ]
        assert numbers(exercise) == [[n] for n in fits]
        return
    rows, (place, name) = list(read_stack(exercise.givens["stack"])), exercise.givens["missing"]
    fits = []
    for value in range(1, 13):
        rows[place] = replace(rows[place], **{name: value})
        if sees(rows) == exercise.givens["size"]:
            fits.append(value)
    assert numbers(exercise) == [[n] for n in fits]


@given(SEEDS, AT_LEVEL)
@SOME
def test_so_many_layers_see_enough_and_one_fewer_do_not(seed, level):
    exercise = make_exercise("field_depth", seed, level)
    rows, wanted = read_stack(exercise.givens["stack"]), exercise.givens["wanted"]
    (layers,), (size,) = numbers(exercise)

    head = [row for row in rows[:1] if level == 2]
    block = 2 if rows[-1].kind == "max pool" else 1
    assert len(rows) == len(head) + block * layers
    assert sees(rows) == size >= wanted
    assert sees(rows[:-block]) < wanted


# --- attacks on a neuron --------------------------------------------------------------------------------------


def neuron(exercise):
    """f's logit as torch does it, the point, its label, and the way uphill by autograd."""
    w, x = (torch.tensor(exercise.givens[name]) for name in ("w", "x"))
    b, y = exercise.givens["b"], exercise.givens["y"]

    def logit(at):
        return (w * torch.as_tensor(at, dtype=torch.float64)).sum(-1) + b

    at = x.clone().requires_grad_()
    F.binary_cross_entropy_with_logits(logit(at), torch.tensor(float(y), dtype=torch.float64)).backward()
    return logit, x, y, at.grad


def stepped(at, gradient, exercise):
    norm, size = exercise.givens["norm"], exercise.givens["step_size"]
    return at + size * (gradient.sign() if norm == "linf" else gradient / gradient.norm())


def projected(at, x, exercise):
    eps, box = exercise.givens["eps"], exercise.givens["box"]
    way = at - x
    inside = x + (way.clamp(-eps, eps) if exercise.givens["norm"] == "linf" else way * min(1, eps / float(way.norm())))
    return inside if box is None else inside.clamp(*box)


@given(SEEDS, AT_LEVEL)
@SOME
def test_logit_probability_and_gradient_are_autograds(seed, level):
    exercise = make_exercise("linear_score", seed, level)
    logit, x, _, gradient = neuron(exercise)
    score = logit(x)
    expected = [[score.item()], [torch.sigmoid(score).item()], gradient.sign().tolist(), gradient.tolist()]
    for got, wanted in zip(numbers(exercise), expected, strict=False):
        np.testing.assert_allclose(got, wanted, atol=1e-9)
    assert chosen(exercise) == [f"class {int(score > 0)}"]
    rounded = [
        part.answer.round(2 if part.answer.size == 1 else 1) for part in exercise.parts if not isinstance(part, Choice)
    ]
    assert all(
        part.check(given).correct
        for part, given in zip((p for p in exercise.parts if not isinstance(p, Choice)), rounded, strict=True)
    )


@given(SEEDS, AT_LEVEL)
@SOME
def test_a_step_its_place_and_its_projection(seed, level):
    exercise = make_exercise("fgsm_step", seed, level)
    logit, x, _, gradient = neuron(exercise)
    before = stepped(x, gradient, exercise)
    after = projected(before, x, exercise)
    for got, wanted in zip(numbers(exercise), (before, after, logit(after)[None]), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-8)
    eps, size, box = (exercise.givens[name] for name in ("eps", "step_size", "box"))
    beyond = max([size - eps] + ([float((before - 1).max()), float((-before).max())] if box else []))
    assert chosen(exercise) == ["outside" if beyond > 1e-9 else "inside" if beyond < -1e-9 else "on the edge"]


@given(SEEDS, AT_LEVEL)
@SOME
def test_no_point_of_a_fine_grid_is_worse_than_the_optimum(seed, level):
    exercise = make_exercise("best_point", seed, level)
    logit, x, y, _ = neuron(exercise)
    eps, box = exercise.givens["eps"], exercise.givens["box"]
    grid = torch.tensor(list(itertools.product(np.linspace(-eps, eps, 41), repeat=2))) + x
    allowed = grid if box is None else grid.clamp(*box)
    harm = (1 - 2 * y) * logit(allowed)
    corners, best, score = numbers(exercise)[:3]
    np.testing.assert_allclose(corners, [allowed.min(0).values, allowed.max(0).values], atol=1e-9)
    np.testing.assert_allclose(best, allowed[harm.argmax()], atol=1e-9)
    np.testing.assert_allclose(score, logit(best), atol=1e-9)
    assert chosen(exercise) == ["yes" if harm.max() > 0 else "no"]
    if level == 2:
        angles = torch.linspace(0, 2 * torch.pi, 100_001, dtype=torch.float64)
        circle = x + eps * torch.stack([angles.cos(), angles.sin()], -1)
        harm = (1 - 2 * y) * logit(circle)
        np.testing.assert_allclose(numbers(exercise)[3], circle[harm.argmax()], atol=1e-3)
        np.testing.assert_allclose(numbers(exercise)[4], logit(circle[harm.argmax()]), atol=1e-6)


@given(SEEDS, AT_LEVEL)
@SOME
def test_pgd_walks_as_torch_does(seed, level):
    exercise = make_exercise("pgd_walk", seed, level)
    logit, x, _, gradient = neuron(exercise)
    at, walk = torch.tensor(exercise.givens["start"]), []
    for _ in range(12):
        at = projected(stepped(at, gradient, exercise), x, exercise)
        walk.append(at)
    points, *more = numbers(exercise)
    np.testing.assert_allclose(points, torch.stack(walk[:3]), atol=1e-8)
    np.testing.assert_allclose(more[-1], logit(walk[2]), atol=1e-8)
    if level < 3:
        last = next(step for step, at in enumerate(walk, 1) if torch.allclose(at, walk[-1]))
        assert more[0] == [last]


@given(SEEDS, AT_LEVEL)
@SOME
def test_a_little_less_than_the_smallest_epsilon_never_reaches_the_boundary(seed, level):
    exercise = make_exercise("smallest_epsilon", seed, level)
    logit, x, y, gradient = neuron(exercise)
    margin, *rest = (np.array(answer) for answer in numbers(exercise))
    np.testing.assert_allclose(margin, (2 * y - 1) * logit(x), atol=1e-8)
    orders = {"linf": torch.inf, "l2": 2, "l1": 1}
    questions = [part.question for part in exercise.parts if not isinstance(part, Choice)][1:]
    largest = torch.zeros_like(gradient)
    largest[gradient.abs().argmax()] = gradient.sign()[gradient.abs().argmax()]
    ways = {"linf": gradient.sign(), "l2": gradient / gradient.norm(), "l1": largest}
    for question, answer in zip(questions, rest, strict=True):
        norm = next(norm for norm in orders if norm in question)
        if answer.size == 1:
            eps = answer.item()
            np.testing.assert_allclose(logit(x + eps * ways[norm]), 0, atol=1e-8)  # reached
            tries = torch.randn(2000, x.numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
            tries *= (0.999 * eps / torch.linalg.vector_norm(tries, orders[norm], -1))[:, None]
            assert ((2 * y - 1) * logit(x + tries) > 0).all()  # and not earlier
        else:
            np.testing.assert_allclose(logit(answer), 0, atol=1e-8)
            assert torch.linalg.vector_norm(torch.tensor(answer) - x, orders[norm]) == pytest.approx(eps)


# --- sheets ---------------------------------------------------------------------------------------------------


def test_a_sheet_has_so_many_of_each_and_every_sheet_others():
    sheets = make_sheets(["conv2d", "pgd_walk"], seed=5, level=2, each=3, sheets=4)
    assert [sheet.seed for sheet in sheets] == [5, 6, 7, 8]
    assert [(exercise.kind, exercise.seed, exercise.level) for exercise in sheets[1].exercises] == [
        (kind, seed, 2) for kind in ("conv2d", "pgd_walk") for seed in (18, 19, 20)
    ]
    assert len({exercise.prompt for sheet in sheets for exercise in sheet.exercises}) == 24


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"kinds": []}, "is empty"),
        ({"kinds": ["evil"]}, "choose one of"),
        ({"sheets": 41}, "sheets"),
        ({"each": 0}, "each"),
        ({"kinds": list(KINDS), "sheets": 40}, "640 exercises in one file"),
    ],
)
def test_sheets_that_can_not_be_are_sentences(wish, words):
    with pytest.raises(InputError, match=words):
        make_sheets(**{"kinds": ["conv2d"], "seed": 1, **wish})


@pytest.mark.parametrize("level", LEVELS)
def test_the_printed_sheet_stands_alone_and_all_of_it_is_drawn(level):
    sheets = make_sheets(list(KINDS), seed=3, level=level, sheets=2)
    html = sheets_html(sheets, solutions=True, lab="http://localhost:8501")
    assert html == sheets_html(
        make_sheets(list(KINDS), seed=3, level=level, sheets=2), solutions=True, lab="http://localhost:8501"
    )
    assert html.count("<section>") == 4
    assert html.count("<article>") == 4 * len(KINDS)
    assert html.count('href="http://localhost:8501/') == 2 * len(KINDS)
    for fetched in ("<script", "<link", "<img", "src=", "@import", "url("):
        assert fetched not in html
    assert "\\" not in html  # no LaTeX is left over
    assert "<mi>&<" not in html
    assert "$" not in html
    solved = html.split("<h1>Solutions</h1>")
    assert "<ol>" in solved[0]
    without = sheets_html(sheets)
    assert "Solutions" not in without
    assert "in the lab" not in without


def test_markup_in_the_address_of_the_lab_stays_text():
    html = sheets_html(make_sheets(["conv1d"], seed=1), lab='http://x/"><script>')
    assert "<script" not in html


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


def test_the_recipe_makes_the_same_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wish = {"kinds": ("field_box", "true_or_false"), "seed": 4, "level": 2, "each": 2, "sheets": 2}
    run(sheet_code(**wish, solutions=True, lab="http://lab", file="sheet.html"))
    made = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert made == sheets_html(make_sheets(**wish), solutions=True, lab="http://lab")


def test_the_recipe_of_an_exercise(capsys):
    exercise = run(exercise_code("fgsm_step", 9, 3))["exercise"]
    assert exercise.prompt == make_exercise("fgsm_step", 9, 3).prompt
    assert capsys.readouterr().out.count("Right") == len(exercise.parts)
