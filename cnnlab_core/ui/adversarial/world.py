"""In the world: the clean and the adversarial picture under each transform, and the attack made through them."""

import io
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks import Expectation
from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.attacks.studies.attack import Fooled, Look, View, fool
from cnnlab_core.attacks.studies.robustness import FATES, UNTOUCHED, Fate, Under, fate, survival_table, under_transforms
from cnnlab_core.attacks.transforms import TRANSFORMS, Transform
from cnnlab_core.images import label_picture, png, thumbnail
from cnnlab_core.models import load_model
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.theme import ACCENT, MUTED, ORANGE
from cnnlab_core.recipes.adversarial_world import Through, world_code
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.job import attacked
from cnnlab_core.ui.adversarial.pieces import FIGURE, said
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

NAMES = ("clean", "adversarial", "made through transforms")
PLACES = 25
"""Of a curve."""

ACROSS = 3
_SIDE, _THIRD = 176, 84
"""Pixels: a picture, and how wide it is shown when three have to fit beside each other."""

_BADGES: dict[Fate, str] = {
    "survives": ":green-badge[survives]",
    "undone": ":gray-badge[undone]",
    "astray": ":orange-badge[astray]",
    "no merit": ":gray-badge[no merit]",
}
_BY_TITLE = {transform.title: transform for transform in TRANSFORMS.values()}
_FIRST_THROUGH = ["Rotate", "JPEG", "Noise"]


@dataclass(frozen=True)
class _Lab:
    """The pictures that go out into the world, by their names: uint8 (H, W, 3); and the attack they come from."""

    choice: Choice
    plain: Fooled
    pictures: Mapping[str, np.ndarray]
    key: str

    @property
    def other(self) -> int:
        """The class that the curves show beside the true one."""
        return self.plain.shown_class

    def ask(self, name: str, strengths: Sequence[float], *, place: str) -> tuple[Under, ...]:
        """All pictures under a transform of each strength; nothing while there is no answer."""
        found = run(
            f"world {place}",
            digest("under", self.key, name, tuple(strengths)),
            lambda: self._job(name, strengths),
            label=TRANSFORMS[name].title if name else "Asking",
            for_everybody=bool(self.choice.sample) and len(self.pictures) == 2,
        )
        return found.result or ()

    def _job(self, name: str, strengths: Sequence[float]) -> Generator[Under, None, tuple[Under, ...]]:
        model = load_model(self.choice.spec.name, self.choice.weights)
        trials = [(name, strength) for strength in strengths]
        return (yield from under_transforms(model, list(self.pictures.values()), trials))


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "A file is compressed, a print is photographed at an angle. Does the attack get through? Both pictures meet "
        "the same change, are rounded to 8 bits, and are shown to the network again. Move the strengths."
    )
    outcome = attacked(choice)
    if outcome.state != "done" or outcome.result is None:
        st.caption("First the attack with the settings above; its pictures then go out into the world.")
        return
    found = outcome.result
    if not found.success:
        st.info(
            "This attack doesn't fool the network even before anything happens to its picture. "
            "Allow it a larger epsilon or more steps, or there is nothing that could survive.",
            icon=":material/shield:",
        )
    summary, settings = st.container(), st.container(border=True)
    cards = _cards()
    with settings:
        robust, through = _through(choice, {card.name: card.strength for card in cards})
    pictures = {NAMES[0]: found.clean.pixels, NAMES[1]: found.adversarial.pixels}
    if robust:
        pictures[NAMES[2]] = robust.adversarial.pixels
    key = digest(choice.spec.name, choice.weights, *(pixels.tobytes() for pixels in pictures.values()))
    lab = _Lab(choice, found, pictures, key)
    trials = [trial for card in cards for trial in _fill(lab, card)]
    with summary:
        _summary(lab, trials[1:])
    _sweep(lab, {card.name: card.strength for card in cards})
    _away(lab, trials, through)


# --- the gallery ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Card:
    """A transform's place in the gallery, with the strength that its slider has."""

    name: str
    strength: float
    head: DeltaGenerator
    cells: DeltaGenerator


def _cards() -> list[_Card]:
    """The cards with their sliders and no pictures yet; the first is for the untouched ones."""
    names, cards = [UNTOUCHED, *TRANSFORMS], []
    for start in range(0, len(names), ACROSS):
        for column, name in zip(st.columns(ACROSS, gap="small"), names[start : start + ACROSS], strict=True):
            with column, st.container(border=True, gap="small", height="stretch"):
                head, cells = st.empty(), st.container(horizontal=True, gap="xsmall")
                cards.append(_Card(name, _slider(TRANSFORMS[name]) if name else 0.0, head, cells))
    return cards


def _slider(transform: Transform) -> float:
    """The strength; a link may have set it to anything."""
    if transform.high - transform.low <= transform.step:
        return transform.default
    number = int if float(transform.step).is_integer() else float
    value = st.slider(
        f"Strength ({transform.unit})",
        number(transform.low),
        number(transform.high),
        number(transform.default),
        number(transform.step),
        key=f"adversarial_world_{transform.name}",
        bind="query-params",
        help=transform.about,
    )
    inside = min(max(float(value), transform.low), transform.high)
    return float(round(inside)) if transform.whole else inside


def _fill(lab: _Lab, card: _Card) -> tuple[Under, ...]:
    """Put the pictures and what the network says of them on a card; gives them."""
    trials = lab.ask(card.name, [card.strength], place=card.name or "untouched")
    for trial in trials:
        card.head.markdown(f"**{plain(trial.title)}**")
        for name, view in zip(lab.pictures, trial.views, strict=True):
            with card.cells, st.container(gap=None, width="stretch" if len(lab.pictures) == 2 else _THIRD):
                small = png(thumbnail(view.picture, _SIDE))
                st.image(small, output_format="PNG", width="stretch", alt=f"{trial.title}, {name}")
                badge = "" if view is trial.views[0] else _BADGES[_fate(lab, trial, view)]
                st.caption(said(view, lab.choice.labels))
                if badge:
                    st.markdown(badge)
    return trials


def _fate(lab: _Lab, trial: Under, view: View) -> Fate:
    return fate(trial.views[0], view, lab.plain.y, lab.plain.target)


def _summary(lab: _Lab, trials: Sequence[Under]) -> None:
    """How many of the transforms each attack survives."""
    lines = []
    for index, subject in list(enumerate(("", "The attack", "Made through transforms, it")))[1 : len(lab.pictures)]:
        held = [trial for trial in trials if _fate(lab, trial, trial.views[index]) == "survives"]
        which = ", ".join(TRANSFORMS[trial.name].title.lower() for trial in held)
        lines.append(f"{subject} survives **{len(held)} of {len(trials)}**{': ' if which else ''}{which}.")
    st.markdown("  \n".join(lines))
    st.markdown(  # no caption: Streamlit fades those, and the badges would be too faint to read
        f"Left the clean picture, {'then' if len(lab.pictures) > 2 else 'right'} the adversarial one"
        f"{', right the one made through transforms' if len(lab.pictures) > 2 else ''}. "
        + ". ".join(f"{badge} {FATES[name]}" for name, badge in _BADGES.items() if name != "no merit")
        + "."
    )


# --- the attack through transforms ------------------------------------------------------------------------------------


def _through(choice: Choice, strengths: Mapping[str, float]) -> tuple[Fooled | None, Through | None]:
    """The same attack, made through random views of the picture: once it is asked for, its result and settings."""
    st.markdown(
        "**Can it be made to survive?** Repeat the attack through transforms: each step climbs the mean over random "
        "views, each up to the strength on its card. (Expectation over transformation, Athalye et al. 2017)"
    )
    first, second, third = st.columns([1.7, 1, 1], gap="medium", vertical_alignment="bottom")
    titles = first.multiselect(
        "Through", list(_BY_TITLE), default=_FIRST_THROUGH, key="adversarial_through", bind="query-params"
    )
    draws = second.slider("Views per step", 4, 32, 8, key="adversarial_views", bind="query-params")
    steps = choice.plan.steps
    if "steps" in METHODS[choice.plan.method].settings:
        steps = third.slider("Its steps", 1, 200, 30, key="adversarial_through_steps", bind="query-params")
    if not titles:
        st.caption("Choose at least one transform.")
        return None, None
    draws = min(max(draws, len(titles)), 32)
    # On its way it shall not rest as soon as the bare network is fooled: that is only the beginning.
    plan = replace(choice.plan, steps=min(max(steps, 1), 200), early_stop=False)
    chosen = {_BY_TITLE[title].name: strengths[_BY_TITLE[title].name] for title in titles if title in _BY_TITLE}
    counted = f"{len(chosen)} transform{'s' if len(chosen) > 1 else ''}"
    outcome = run(
        "through",
        digest("through", choice.key, plan, tuple(chosen.items()), draws),
        lambda: _through_job(choice, plan, chosen, draws),
        label=f"Attack through {counted}",
        share=lambda look: look.index / max(1, look.total - 1),
        start=f"Attack through {counted} ({plan.looks - 1} × {draws} gradients)",
    )
    if outcome.state == "stale":
        st.caption("An earlier one is there, but it was made with other settings, so it is left out below.")
    if outcome.state != "done" or outcome.result is None:
        return None, None
    return outcome.result, (chosen, draws, plan)


def _through_job(choice: Choice, plan: Plan, chosen: Mapping[str, float], draws: int) -> Generator[Look, None, Fooled]:
    model = load_model(choice.spec.name, choice.weights)
    transforms = [(TRANSFORMS[name], strength) for name, strength in chosen.items()]
    views = Expectation(model, transforms, torch.Generator().manual_seed(plan.seed), draws)
    found = yield from fool(model, model.prepare(choice.picture.image), plan, choice.target, through=views)
    return replace(found, looks=())  # the way there isn't shown


# --- from weak to strong ----------------------------------------------------------------------------------------------


def _sweep(lab: _Lab, strengths: Mapping[str, float]) -> None:
    st.header("From weak to strong")
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        title = st.selectbox("Transform", list(_BY_TITLE), index=2, key="adversarial_sweep_of", bind="query-params")
        transform = _BY_TITLE[title]
        st.caption(
            f"{transform.about} The dashed line is the strength on its card. Look where the coloured lines cross: "
            "there the class changes hands."
        )
        near = st.toggle("Zoom in: to twice that strength", value=True, key="adversarial_zoom", bind="query-params")
    here = strengths[transform.name]
    reach = 2 * abs(here - transform.identity)
    places = transform.sweep(PLACES, reach) if near and reach >= transform.step else transform.sweep(PLACES)
    trials = lab.ask(transform.name, places, place="sweep")
    if not trials:
        return
    labels, y = lab.choice.labels, lab.plain.y
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
        for place, name in enumerate(lab.pictures)
        for index in dict.fromkeys((y, lab.other))
    ]
    right.plotly_chart(
        line_figure(lines, x_title=f"{transform.title} ({transform.unit})", full=True, at=[here], height=380),
        key="world sweep",
        config=FIGURE,
        alt=f"Probabilities over the strength of {title}",
    )


# --- to take away -----------------------------------------------------------------------------------------------------


def _away(lab: _Lab, trials: Sequence[Under], through: Through | None) -> None:
    choice = lab.choice
    strengths = {trial.name: trial.strength for trial in trials if trial.name}
    names, labels = list(lab.pictures), choice.labels
    take_away(
        world_code(choice.spec.name, choice.weights, choice.sample, choice.plan, choice.target, strengths, through),
        File("Gallery (PNG)", lambda: _sheet(trials, labels), "cnnlab_world.png", "image/png"),
        File(
            "Gallery (CSV)",
            lambda: survival_table(trials, names, labels, lab.plain.y, lab.plain.target),
            "cnnlab_world.csv",
            "text/csv",
        ),
    )


def _sheet(trials: Sequence[Under], labels: Sequence[str]) -> bytes:
    """The cards below each other in one picture."""
    rows = []
    for trial in trials:
        said_of = (f"{labels[view.best]} {view.probability(view.best):.0%}" for view in trial.views)
        pair = side_by_side([view.picture for view in trial.views], gap=8)
        rows.append(label_picture(pair, f"{trial.title}: {' | '.join(said_of)}"))
    canvas = Image.new("RGB", (max(row.width for row in rows), sum(row.height + 12 for row in rows)), "white")
    top = 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height + 12
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()
