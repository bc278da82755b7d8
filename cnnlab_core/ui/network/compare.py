"""The picture beside an adversarial one: where in the network does the difference grow?"""

from collections.abc import Generator
from typing import Any

import streamlit as st
import torch

from cnnlab_core.attacks.methods import FIRST_LOOK, Plan
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.studies.attack import attack_picture_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import png
from cnnlab_core.models import Layer, LoadedModel
from cnnlab_core.network.difference import StageDifference, differences, stage_differences
from cnnlab_core.network.stages import stages_of
from cnnlab_core.plots.network_difference import TILE, network_difference, picture_tiles, signed_tiles
from cnnlab_core.plots.network_picture import network_picture
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.network import difference as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.adversarial.settings import address_of, in_words
from cnnlab_core.ui.adversarial.target import class_names
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.network.place import CONTROLS
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, run_study
from cnnlab_core.ui.take_away import File, offer

ATTACK, TARGET = CONTROLS.key("attack"), CONTROLS.key("target")
MOST_STEPS = 1000
"""Of an attack that a link names: as many as the page of attacks has."""
Found = tuple[list[tuple[Layer, float]], list[StageDifference]]


def link_here(plan: Plan, target: int | None) -> None:
    """From the page of attacks to this comparison, for the same picture and attack."""
    query = {CONTROLS.key("compare"): "true", ATTACK: plan.text} | ({} if target is None else {TARGET: str(target)})
    label = "See where in the network the difference grows"
    st.page_link("pages/network.py", label=label, icon=":material/difference:", query_params=query)


def show(subject: Subject) -> str:
    """The switch, and below it tiles and curve. Gives the code of what is shown; empty where nothing is."""
    if not CONTROLS.toggle("compare", "Compare with an adversarial picture"):
        return ""
    plan, target = _asked(subject)
    attack: AttackResult | None = run_study(
        "attack",
        subject,
        (target, plan),
        lambda model, x: attack_picture_steps(model, x, plan, target),
        label="Attacking the picture",
        start="" if plan == FIRST_LOOK else f"Attack the picture ({in_words(plan)})",
        for_everybody=plan == FIRST_LOOK,
    ).result
    if attack is None:
        return ""

    def study(model: LoadedModel, x: torch.Tensor) -> Found:
        after = attack.rounded.x_adv
        return differences(model, x, after), stage_differences(model, x, after, stages_of(model))

    def job(model: LoadedModel, x: torch.Tensor) -> Generator[Any, None, Found]:
        return once(lambda: study(model, x))

    result = run_study("network difference", subject, (target, plan), job, label="Comparing all layers").result
    if result is None:
        return ""
    layers, stages = result
    named = int(attack.rounded.predicted)
    largest = max(layers, key=lambda one: one[1])
    st.markdown(
        f"**Before and after an attack** ({in_words(plan)}). The network now says “{plain(subject.labels[named])}”. "
        f"Its pixels hardly change; the difference is largest at {plain(largest[0].place)}: {largest[1]:.0%} of the "
        "size of the values there. From top to bottom: **before, after, and the difference**, of each stage the map "
        "that changes most, all three on one scale."
    )
    before, after = attack.clean.view(), attack.rounded.view()
    noise, times = noise_picture(before.pixels, after.pixels)
    with st.container(horizontal=True, gap="xsmall"):
        _column(picture_tiles([before.picture, after.picture, noise]), "Picture", f"difference × {times:.3g}")
        for one in stages:
            words = f"map {one.channel} · {one.ratio:.0%}" if one.stage.last.has_maps else f"{one.ratio:.0%}"
            _column(signed_tiles(one.maps.levels), one.stage.title, words)
    figure = network_difference([layer.place for layer, _ in layers], [ratio for _, ratio in layers])
    show_chart(figure, "network_difference", "Where the difference grows", f"{subject.about} Attack: {in_words(plan)}.")
    with st.container(horizontal=True):
        aim = {} if target is None else {"target": class_names(subject.spec)[target]}
        back = {f"adversarial_{name}": value for name, value in (address_of(plan) | aim).items()}
        st.page_link("pages/adversarial.py", label="The attack itself", icon=":material/undo:", query_params=back)
        tiles = [(one.stage.title, f"map {one.channel}, {one.ratio:.0%}", one.maps.levels) for one in stages]
        bars = [(entry.label, entry.probability) for entry in after.top(subject.labels)]
        paper = network_picture(after.picture, tiles, bars)
        rows = [(layer.place, layer.name, ratio) for layer, ratio in layers]
        table = csv_table(("place", "layer", "difference / size"), rows)
        offer(
            File("Tiles (PNG)", lambda: png(paper), "cnnlab_difference.png", "image/png"),
            File("Differences (CSV)", table, "cnnlab_difference.csv", "text/csv"),
        )
    return recipe.code(*subject.network, subject.sample, plan, target)


def _column(picture: Any, title: str, words: str) -> None:
    with st.container(width=TILE + 4, gap="xxsmall"):
        st.caption(f"**{plain(title)}**  \n{plain(words)}")
        st.image(picture, width=TILE)


def _asked(subject: Subject) -> tuple[Plan, int | None]:
    """The attack that the address names, else the one that the page of attacks opens with."""
    text = st.query_params.get(ATTACK, "")
    target = CONTROLS.index("target", len(subject.labels) - 1, 0) if TARGET in st.query_params else None
    try:
        plan = Plan.read(text) if text else FIRST_LOOK
        if plan.total > MOST_STEPS + 10 or (plan.entry.needs_target and target is None):
            raise InputError("")
    except InputError:
        refuse(ATTACK, "the attack", text, in_words(FIRST_LOOK))
        return FIRST_LOOK, None
    return plan, target
