"""The clean and the adversarial picture under each transform, and the attack made through them."""

import io
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks import Expectation
from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.attacks.studies.attack import attack_picture_steps, shown_class
from cnnlab_core.attacks.studies.robustness import (
    OUTCOMES,
    UNTOUCHED,
    Outcome,
    UnderTransform,
    outcome,
    robustness_table,
    under_transforms_steps,
)
from cnnlab_core.attacks.transforms import TRANSFORMS, Transform
from cnnlab_core.images import label_picture, png, thumbnail
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.theme import ACCENT, MUTED, ORANGE
from cnnlab_core.recipes.adversarial import robustness as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import looked_at, top_class
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import kept, mark
from cnnlab_core.ui.show import later, main_answer, main_picture, plain
from cnnlab_core.ui.subject import run_on_model, run_study
from cnnlab_core.ui.take_away import File, take_away

NAMES = ("clean", "adversarial", "made through transforms")
PLACES = 25
"""The strengths along a curve."""

ACROSS = 3
"""Cards in a row."""

_SIDE, _THIRD = 176, 84
"""Pixels: a picture, and how wide it is shown when three have to fit beside each other."""

_BADGES: dict[Outcome, str] = {
    "survives": ":green-badge[survives]",
    "undone": ":gray-badge[undone]",
    "astray": ":orange-badge[astray]",
    "no merit": ":gray-badge[no merit]",
}
_BY_TITLE = {transform.title: transform for transform in TRANSFORMS.values()}
_FIRST_THROUGH = ["Rotate", "JPEG", "Noise"]


@dataclass(frozen=True)
class _Tested:
    """The pictures that are put to the test, by their names: uint8 (H, W, 3); and the attack they come from."""

    choice: Choice
    attack: AttackResult
    pictures: Mapping[str, np.ndarray]
    key: str

    @property
    def other(self) -> int:
        """The class that the curves show beside the true one."""
        return shown_class(self.attack)

    def ask(self, name: str, strengths: Sequence[float], *, place: str) -> tuple[UnderTransform, ...]:
        """All pictures under a transform of each strength; nothing while there is no answer."""
        trials = [(name, strength) for strength in strengths]
        subject = self.choice.subject
        found = run_on_model(
            "under transforms",
            subject.network,
            (self.key, trials),
            lambda model: under_transforms_steps(model, list(self.pictures.values()), trials),
            place=f"under {place}",
            label=TRANSFORMS[name].title if name else "Classifying",
            for_everybody=subject.picture.is_sample and len(self.pictures) == 2,
        )
        return found.result or ()


def show(choice: Choice) -> None:
    """A card for each transform, the attack through transforms, and the curves over one transform's strength."""
    status = looked_at(
        "Does the attack survive? On each card: the clean picture (left) and the attacked one, turned, cut or "
        "compressed alike."
    )
    attacked = run_attack(choice, at=status)
    if attacked.result is None:
        st.caption("First run the attack with the settings above; its pictures are then transformed here.")
        return
    with kept(attacked, "robustness_result"):
        _show(attacked.asked, attacked.result)


def _show(choice: Choice, found: AttackResult) -> None:
    with main_answer():
        summary = st.container()
        if not found.success:
            st.info(
                "This attack doesn't fool the network even without a transform, so there is nothing that could "
                "survive. Try a larger epsilon or more steps.",
                icon=":material/shield:",
            )
    cards = _cards()
    legend = st.container()
    with st.container(border=True):
        robust, through = _through(choice, {card.name: card.strength for card in cards})
    pictures = {NAMES[0]: found.clean.view().pixels, NAMES[1]: found.rounded.view().pixels}
    if robust:
        pictures[NAMES[2]] = robust.rounded.view().pixels
    key = digest(*(pixels.tobytes() for pixels in pictures.values()))
    tested = _Tested(choice, found, pictures, key)
    trials = [trial for card in cards for trial in _fill(tested, card)]
    with summary:
        _summary(tested, trials[1:])
    with legend:  # no caption: Streamlit fades those, and the badges would be too faint to read
        badges = (f"{badge} {OUTCOMES[name]}" for name, badge in _BADGES.items() if name != "no merit")
        st.markdown(f"On each card: {', '.join(pictures)} (from left to right). {'. '.join(badges)}.")
    y = found.goal.single[0]
    undone = [TRANSFORMS[trial.name].title.lower() for trial in trials[1:] if trial.views[0].best != y]
    guess_number(
        "robustness", f"how many of the {len(trials) - 1} transforms change the answer to the original, too?",
        len(undone), (2, 4), "", f"{len(undone)}{': ' if undone else ''}{', '.join(undone)}. What undoes an attack may "
        "cost right answers.",
    )  # fmt: skip
    _sweep(tested, {card.name: card.strength for card in cards})
    learned("noise made for one exact picture is fragile; made through many views of it, it survives them too.")
    _away(tested, trials, through)


# --- the gallery ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Card:
    """A transform's place in the gallery, with the strength that its slider has."""

    name: str
    strength: float
    head: DeltaGenerator
    cells: DeltaGenerator


def _cards() -> list[_Card]:
    """The cards with their sliders and no pictures yet; the first one is for the untouched pictures."""
    names, cards = [UNTOUCHED, *TRANSFORMS], []
    for start in range(0, len(names), ACROSS):
        row = main_picture() if start == 0 else st.container()
        for column, name in zip(row.columns(ACROSS, gap="small"), names[start : start + ACROSS], strict=False):
            with column, st.container(border=True, gap="small", height="stretch"):
                head, cells = later(), st.container(horizontal=True, gap="xsmall")
                cards.append(_Card(name, _strength(TRANSFORMS[name]) if name else 0.0, head, cells))
    return cards


def _strength(transform: Transform) -> float:
    """The strength that its slider has, behind a button: the cards are for the pictures."""
    if transform.high - transform.low <= transform.step:
        return transform.default
    with st.popover("Strength", icon=":material/tune:", type="tertiary", key=CONTROLS.key(f"card_{transform.name}")):
        return _slider(transform)


def _slider(transform: Transform) -> float:
    number = int if float(transform.step).is_integer() else float
    low, high, start, step = map(number, (transform.low, transform.high, transform.default, transform.step))
    name, label = f"world_{transform.name}", f"Strength ({transform.unit})"
    value = float(CONTROLS.slider(name, label, low, high, start, step, help=transform.about))
    return float(round(value)) if transform.whole else value


def _fill(tested: _Tested, card: _Card) -> tuple[UnderTransform, ...]:
    """Put the pictures and the network's answers on a card; gives them."""
    trials = tested.ask(card.name, [card.strength], place=card.name or "untouched")
    for trial in trials:
        card.head.markdown(f"**{plain(trial.title)}**")
        for name, view in zip(tested.pictures, trial.views, strict=True):
            with card.cells, st.container(gap=None, width="stretch" if len(tested.pictures) == 2 else _THIRD):
                small = png(thumbnail(view.picture, _SIDE))
                st.image(small, output_format="PNG", width="stretch", alt=f"{trial.title}, {name}")
                badge = "" if view is trial.views[0] else _BADGES[_outcome(tested, trial, view)]
                st.caption(top_class(view, tested.choice.subject.labels))
                if badge:
                    st.markdown(badge)
    return trials


def _outcome(tested: _Tested, trial: UnderTransform, view: View) -> Outcome:
    return outcome(trial.views[0], view, *tested.attack.goal.single)


def _summary(tested: _Tested, trials: Sequence[UnderTransform]) -> None:
    """How many transforms each attack survives."""
    lines = []
    for index, subject in list(enumerate(("", "The attack", "Made through transforms, it")))[1 : len(tested.pictures)]:
        held = [trial for trial in trials if _outcome(tested, trial, trial.views[index]) == "survives"]
        which = ", ".join(TRANSFORMS[trial.name].title.lower() for trial in held)
        lines.append(f"{subject} survives **{len(held)} of {len(trials)}**{': ' if which else ''}{which}.")
    st.markdown("  \n".join(lines))


# --- the attack through transforms ------------------------------------------------------------------------------------


def _through(choice: Choice, strengths: Mapping[str, float]) -> tuple[AttackResult | None, recipe.Through | None]:
    """The same attack, made through random views of the picture: once it is asked for, its result and settings."""
    st.markdown(
        "**Can it be made to survive?** Repeat the attack through transforms: each step follows the mean gradient over "
        "random views, each up to the strength on its card. (Expectation over transformation, Athalye et al. 2017)"
    )
    first, second, third = st.columns([1.7, 1, 1], gap="medium", vertical_alignment="bottom")
    titles = CONTROLS.several("through", "Through", list(_BY_TITLE), _FIRST_THROUGH, place=first)
    draws = CONTROLS.slider("views", "Views per step", 4, 32, 8, 1, place=second)
    steps = choice.plan.steps
    if choice.plan.entry.takes("steps"):
        steps = CONTROLS.slider("through_steps", "Its steps", 1, 200, 30, 1, place=third)
    if not titles:
        st.caption("Choose at least one transform.")
        return None, None
    draws = max(draws, len(titles))
    # It shall not stop as soon as the bare network is fooled: that is only the beginning.
    plan = replace(choice.plan, steps=steps, early_stop=False)
    chosen = {_BY_TITLE[title].name: strengths[_BY_TITLE[title].name] for title in titles}
    counted = f"{len(chosen)} transform{'s' if len(chosen) > 1 else ''}"
    transforms = [(TRANSFORMS[name], strength) for name, strength in chosen.items()]

    def study(model: LoadedModel, x: torch.Tensor) -> Generator[AttackStep, None, AttackResult]:
        views = Expectation(model, transforms, torch.Generator().manual_seed(plan.seed), draws)
        found = yield from attack_picture_steps(model, x, plan, choice.target, through=views)
        return replace(found, trace={})  # the way there isn't shown

    asked = chosen, draws, plan
    through = run_study(
        "through",
        choice.subject,
        (choice.target, plan, tuple(chosen.items()), draws),
        study,
        label=f"Attack through {counted}",
        start=f"Attack through {counted} ({plan.most_steps} × {draws} gradients)",
        for_everybody=False,
        asked=(choice.subject, asked),
    )
    if through.result is None or through.asked[0] != choice.subject:  # one of another picture has no place on the cards
        return None, None
    mark(through, "through")
    return through.result, through.asked[1]


# --- from weak to strong ----------------------------------------------------------------------------------------------


def _sweep(tested: _Tested, strengths: Mapping[str, float]) -> None:
    st.header("From weak to strong")
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        titles = list(_BY_TITLE)
        title = CONTROLS.select("sweep_of", "Transform", titles, titles[2])
        transform = _BY_TITLE[title]
        st.caption(
            f"{transform.about} The dashed line is the strength on its card. Where the coloured "
            "lines cross, the class changes."
        )
        near = CONTROLS.toggle("zoom", "Zoom in: up to twice that strength", True)
    here = strengths[transform.name]
    reach = 2 * abs(here - transform.identity)
    places = transform.sweep(PLACES, reach) if near and reach >= transform.step else transform.sweep(PLACES)
    trials = tested.ask(transform.name, places, place="sweep")
    if not trials:
        return
    labels, y = tested.choice.subject.labels, tested.attack.goal.single[0]
    across = [trial.strength for trial in trials]
    lines = [
        Line(
            f"P({labels[index]}), {name}",
            across,
            [trial.views[place].probability(index) for trial in trials],
            (MUTED, ACCENT, ORANGE)[place],
            marked=True,
            dash="dot" if index == y else "solid",
        )
        for place, name in enumerate(tested.pictures)
        for index in dict.fromkeys((y, tested.other))
    ]
    axis = f"{transform.title} ({transform.unit})"
    show_chart(
        line_figure(lines, x_title=axis, y_name="probability", full=True, at=[here], height=380),
        "robustness sweep",
        f"Probabilities over the strength of {title}",
        tested.choice.about,
        place=right,
    )


# --- to take away -----------------------------------------------------------------------------------------------------


def _away(tested: _Tested, trials: Sequence[UnderTransform], through: recipe.Through | None) -> None:
    choice, subject = tested.choice, tested.choice.subject
    strengths = {trial.name: trial.strength for trial in trials if trial.name}
    names, labels = list(tested.pictures), subject.labels
    take_away(
        recipe.code(
            *subject.network,
            subject.sample,
            plan=choice.plan,
            target=choice.target,
            trials=strengths,
            through=through,
        ),
        File("Gallery (PNG)", lambda: _sheet(trials, labels), "cnnlab_robustness.png", "image/png"),
        File(
            "Gallery (CSV)",
            lambda: robustness_table(trials, names, labels, *tested.attack.goal.single),
            "cnnlab_robustness.csv",
            "text/csv",
        ),
    )


def _sheet(trials: Sequence[UnderTransform], labels: Sequence[str]) -> bytes:
    """The cards below each other in one picture."""
    rows = []
    for trial in trials:
        answers = (f"{labels[view.best]} {view.probability(view.best):.0%}" for view in trial.views)
        pair = side_by_side([view.picture for view in trial.views], gap=8)
        rows.append(label_picture(pair, f"{trial.title}: {' | '.join(answers)}"))
    canvas = Image.new("RGB", (max(row.width for row in rows), sum(row.height + 12 for row in rows)), "white")
    top = 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height + 12
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()
