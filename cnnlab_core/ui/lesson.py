"""Lessons: a link that carries a whole view and hides the controls that students don't need.

``teach=`` in the address lists what is put away, by the keys of the page's controls; ``tabs`` are the rows of tabs,
``pages`` the navigation, ``sidebar`` all that is beside the page. ``teach=edit`` opens the bar in which a teacher
chooses; it finds the controls by itself (``assets/lesson``).
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

import streamlit as st

from cnnlab_core.runtime.assets import read_asset

PARAMETER = "teach"
EDIT = "edit"
MOST = 200
_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PLACES = {
    "sidebar": "[data-testid=stSidebar], [data-testid=stExpandSidebarButton]",
    "tabs": "[data-testid=stMain] [role=tablist]",
}

_component = st.components.v2.component(
    "cnnlab_lesson",
    html=read_asset("lesson", "lesson.html"),
    css=read_asset("lesson", "lesson.css"),
    js=read_asset("lesson", "lesson.js"),
)


@dataclass(frozen=True)
class Lesson:
    """A lesson that comes with the lab: a page, how its controls stand, and what is put away."""

    title: str
    task: str
    page: str
    view: dict[str, str]
    away: tuple[str, ...]

    @property
    def query(self) -> dict[str, str]:
        """The whole of it as query parameters."""
        return {**self.view, PARAMETER: ",".join(self.away)}

    def address(self, here: str) -> str:
        """The link to hand out, given the address ``here`` of any page of this lab."""
        return f"{urljoin(here, self.page)}?{urlencode(self.query)}"


_BESIDE = ("part_picture", "part_network", "tabs", "pages")
_PLANE = tuple(
    f"adversarial_plane_{name}"
    for name in ("w1", "w2", "b", "x1", "x2", "label", "norm", "boxed", "sizes", "steps", "random", "seed")
)
_ATTACK = ("adversarial_attack", "adversarial_target", "adversarial_more")

LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "What a stride leaves out",
        "Move only the stride. How long is the output each time? Find the rule, then check it with the formula.",
        "convolution",
        {"conv_tab": "Slide", "conv_tab_slide": "1-D"},
        ("conv_sizes", "conv_typed", "conv_more", "conv_1_padding", "tabs", "pages"),
    ),
    Lesson(
        "Hot and cold answers",
        "You can move only the temperature. Which bars can change places, and which can't? At what temperature is the "
        "network sure of nothing?",
        "classifier",
        {"picture": "coffee", "classifier_t": "1.0"},
        (*_BESIDE, "classifier_more", "classifier_versus"),
    ),
    Lesson(
        "What one unit can see",
        "Click units in the middle and at the border, in an early layer and in a late one. How does the box grow, and "
        "why is it cut off?",
        "receptive_fields",
        {"maps_tab": "Receptive field"},
        (*_BESIDE, "maps_counted"),
    ),
    Lesson(
        "How small is small enough?",
        "Find the smallest epsilon at which the cat becomes a tarantula. Could you tell the two pictures apart?",
        "adversarial",
        {"picture": "chelsea", "adversarial_eps": "4.0"},
        (*_BESIDE, *_ATTACK),
    ),
    Lesson(
        "One step against many",
        "FGSM takes one step, PGD many. Switch between them and drag epsilon: which one's curve rises steadily?",
        "adversarial",
        {"adversarial_tab": "Attack", "adversarial_tab_attack": "Epsilon"},
        (*_BESIDE, *_ATTACK, "adversarial_eps"),
    ),
    Lesson(
        "A neuron in the plane",
        "You can move only epsilon and the step size. At which epsilon does the corner of the square cross the line? "
        "Does a larger step get there sooner?",
        "adversarial",
        {"adversarial_tab": "On paper", "adversarial_tab_paper": "One neuron"},
        (*_BESIDE, *_ATTACK, "adversarial_eps", *_PLANE),
    ),
)


def show_lesson() -> None:
    """What a lesson puts above the page: for students the way back, for a teacher the choice of controls."""
    wanted = st.query_params.get(PARAMETER)
    if wanted is None:
        return
    if wanted != EDIT:
        st.html(f"<style>{hiding(put_away(wanted))}</style>")
        _component(key="lesson", data={"editing": False})
        return
    with st.container(border=True, key="lesson_box"):
        st.markdown(
            "**Make a lesson.** Set the page as students should see it, untick the controls they don't need, and copy "
            "the link. Anyone who opens it can always return to your view. This isn't an exam mode: what is put away "
            "can be brought back by editing the address."
        )
        _component(key="lesson", data={"editing": True})
        st.button("Close", key="lesson_close", icon=":material/close:", on_click=_close)


def offer_lesson() -> None:
    """The button below a view that makes a lesson of it."""
    if st.query_params.get(PARAMETER) is None:
        st.button(
            "Make a lesson of this view",
            key="lesson_open",
            icon=":material/co_present:",
            on_click=_open,
            help="Choose what students may touch, and get a link to hand out.",
        )


def put_away(text: str) -> list[str]:
    """The keys in a ``teach=`` list; what isn't a key is left out."""
    return [key for key in text.split(",")[:MOST] if _KEY.fullmatch(key)]


def hiding(keys: list[str]) -> str:
    """The style that hides controls. Of tabs only the row to choose from goes: the open one stays.

    A control that is read off the numbers has what it says in its key (``Example is …``): it goes whatever it says.
    """
    rules = [_PLACES.get(key) or _selector(key) for key in keys]
    return f"{', '.join(rules)} {{ display: none !important; }}" if rules else ""


def _selector(key: str) -> str:
    name, now, _ = key.partition("-is-")
    return f"[class*=st-key-{name}{now}]" if now else f".st-key-{key}"


def _open() -> None:
    st.query_params[PARAMETER] = EDIT


def _close() -> None:
    st.query_params.pop(PARAMETER, None)
