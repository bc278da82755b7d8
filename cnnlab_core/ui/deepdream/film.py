"""A dream on the page: live while it runs, kept when it is stopped, and played back step by step afterwards."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import torch
from PIL import Image

from cnnlab_core.dream.film import Film, filmed
from cnnlab_core.images import jpeg, png, shrunk, to_picture
from cnnlab_core.plots.lines import objective_line
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import mark, once, run
from cnnlab_core.ui.show import data_address, later, plain
from cnnlab_core.ui.take_away import File
from cnnlab_core.ui.wipe import wipe

VIEWS = ("before and after", "step by step", "animation")

LARGEST_SHOWN = 1000
"""Pixels of the longer side on the page, at most; pictures are kept and saved at their own size."""

_CURVE_SECONDS = 0.5
"""The time between two drawings of the curve, at least: it costs the browser more than a picture."""


@dataclass
class _Shown:
    """What a session last saw of a dream, shown again if it was stopped or the settings have changed since."""

    key: str
    film: Film | None
    before: Image.Image
    labels: tuple[str, str]
    every: int
    total: int


def show_film(
    name: str,
    key: str,
    make: Callable[[], Generator[Any, None, Any]],
    *,
    label: str,
    before: Image.Image,
    start: str = "",
    every: int = 0,
    total: int = 0,
    for_everybody: bool = False,
    labels: tuple[str, str] = ("Before", "Dream"),
    from_noise: bool = False,
    view: str = VIEWS[0],
    measured: str = "The curve is measured during the dream, on the randomly shifted picture.",
    at: Any = None,
    below: Any = None,
) -> Film | None:
    """Run the dream that ``make()`` gives and show it; gives its film, complete or as far as it got.

    Args:
        name, key, label, start, for_everybody: As ``runner.run`` takes them.
        before: The picture before, of the size of the last one.
        every: Steps per octave, 0 without octaves; ``total``: steps in all.
        labels: What the pictures before and after are called.
        from_noise: The dream starts from noise, for which ``before`` stands in until there is a result.
        measured: What is said of the curve.
        view: Which of ``VIEWS`` is open at first.
        at, below: Where the button and the progress go, and where the numbers and their curve; under the picture by
            default.

    Returns:
        None, with the reason on the page, if there is nothing to show, or only a film of previous settings.
    """
    box = f"film_{name.replace(' ', '_')}"
    with st.container(key=box, gap="small"):
        frame, views = later(st.container(key=f"frame_{box}")), st.container(key=f"views_{box}")
    status, under = at or st.container(), below or st.container()
    says, curve = later(under), later(under)
    shown = _Shown(key, None, before, labels, every, total)
    drawn = 0.0
    with views:  # there at all times, so that nothing moves when a dream begins or ends
        view = st.segmented_control(
            "Look at", VIEWS, default=view, required=True, key=f"{name} view", label_visibility="collapsed"
        )

    def draw_before() -> None:
        frame.image(data_address(png(shrunk(before, LARGEST_SHOWN))), alt=labels[0], width="stretch")

    def job() -> Generator[Film, None, Film]:
        return (yield from filmed(make(), before.size))  # the model is loaded in here, when it is the job's turn

    def paint(films: list[Film]) -> None:
        nonlocal drawn
        film = shown.film = films[-1]
        st.session_state[f"film {name}"] = shown
        if film.frames:
            frame.image(data_address(film.frames[-1], "jpeg"), alt="The dream so far", width="stretch")
            says.caption(_where(film).capitalize())
        if time.monotonic() - drawn > _CURVE_SECONDS:
            drawn = time.monotonic()
            _curve(curve, f"{name} curve", shown, live=True)

    outcome = run(
        name,
        key,
        job,
        label=label,
        start=start,
        paint=paint,
        meanwhile=draw_before,  # no earlier: a finished film keeps its place, or the line in it would jump
        for_everybody=for_everybody,
        at=status,
    )
    if outcome.state == "done":
        shown.film = outcome.result
        st.session_state[f"film {name}"] = shown
    elif outcome.state != "failed":  # a dream that was stopped, or one of previous settings
        shown = st.session_state.get(f"film {name}", shown)
    film = shown.film
    if film is None or film.picture is None:
        draw_before()
        return None
    if shown.key != key:
        with status:
            mark(replace(outcome, state="stale", note=outcome.note or st.empty()), box)
    with frame.container():
        _look_back(name, shown, view, from_noise=from_noise)
    with says.container():
        _words(film, measured)
    _curve(curve, f"{name} curve", shown)
    return film if shown.key == key else None


def film_files(film: Film, name: str) -> tuple[File, File]:
    """The picture and the animation, to download."""
    return (
        File("Picture (PNG)", lambda: png(whole(film)), f"{name}.png", "image/png"),
        File("Animation (WebP)", film.animation, f"{name}.webp", "image/webp"),
    )


def whole(film: Film) -> Image.Image:
    """The latest picture, enlarged to the final size if the dream was stopped before."""
    assert film.picture is not None
    return film.picture if film.picture.size == film.size else film.picture.resize(film.size, Image.Resampling.BICUBIC)


def _look_back(name: str, shown: _Shown, view: str, *, from_noise: bool) -> None:
    film, before = shown.film, shown.before
    assert film is not None
    if from_noise and film.result is not None:
        before = to_picture(torch.cat(list(film.result.start), -1))
    if view == VIEWS[0] or len(film.frames) < 2:
        first, last = (jpeg(shrunk(picture, LARGEST_SHOWN)) for picture in (before, whole(film)))
        wipe(first, last, *shown.labels, key=f"{name} wipe", kind="jpeg")
    elif view == VIEWS[1]:
        _scrubber(name, film)
    else:
        written = run(
            f"{name} animation",
            digest("animation", shown.key, len(film.objectives)),
            lambda: once(film.animation),
            label="Writing the animation",
        ).result
        if written:
            # As an address: given the file, Streamlit would make a PNG of its first frame.
            st.image(data_address(written, "webp"), alt="The dream as an animation", width="stretch")


@st.fragment
def _scrubber(name: str, film: Film) -> None:
    """One frame of the film at a time; a fragment, so that only this runs again."""
    place = later()
    index = st.slider("Step", 1, len(film.frames), len(film.frames), key=f"{name} frame", label_visibility="collapsed")
    index = min(index, len(film.frames)) - 1
    place.image(film.frames[index], alt=f"After step {film.taken[index]}", width="stretch")
    step = film.taken[index]
    st.caption(f"After step {step} of {len(film.objectives)}: objective {film.objectives[step - 1]:.4g}.")


def _curve(place: Any, key: str, shown: _Shown, *, live: bool = False) -> None:
    assert shown.film is not None
    figure = objective_line(shown.film.objectives, every=shown.every, total=shown.total)
    about = f"{shown.labels[1]}. Dashed lines: where an octave ends." if shown.every else shown.labels[1]
    show_chart(figure, key, "The objective by step", about, place=place, live=live)


def _where(film: Film) -> str:
    inner = film.dream_step
    octave = f"octave {inner.octave + 1} of {inner.octaves}, " if hasattr(inner, "octave") else ""
    frame = f"frame {film.step.frame + 1} of {film.step.frames}, " if inner is not film.step else ""
    tile = f", tile {inner.tile + 1} of {inner.tiles}" if getattr(inner, "tiles", 1) > 1 else ""
    return f"{frame}{octave}step {inner.step + 1} of {inner.steps}{tile}: objective {inner.objective:.4g}"


def _words(film: Film, measured: str) -> None:
    if film.result is None:
        st.caption(f"Stopped at {_where(film)}. You can look through what is there, and save it.")
    elif hasattr(film.result, "before"):
        before, after = film.result.before, film.result.after
        st.caption(
            f"The objective is {before:.4g} before and **{after:.4g}** after, measured on the picture as it is saved. "
            f"{measured}"
        )
        if after <= before:
            st.caption("It didn't rise: the patterns don't survive the small random shifts of the picture.")
    for node in film.dream_step.silent:
        st.info(
            f"{plain(node)} is silent here: its activation is zero everywhere, so there is no gradient. Its values "
            "before the activation are maximised instead.",
            icon=":material/volume_off:",
        )
