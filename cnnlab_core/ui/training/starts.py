"""Settings to begin a new run from, at one click: recipes that have been tried in this lab."""

from typing import Any

import streamlit as st

_FIRST: dict[str, Any] = {
    "limit": 0,
    "validation": 0.1,
    "crop": 4,
    "flip": True,
    "net": "homework_bn",
    "init": "he",
    "optimizer": "adamw",
    "schedule": "one-cycle",
    "rate": 0.01,
    "decay": 0.01,
    "epochs": 10,
    "batch": 128,
    "label_smoothing": 0.1,
    "seed": 0,
    "attack": "none",
    "epsilon": 8.0,
}
STARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "The homework": ("The network without batch norm, and AdamW: what most people write first.", {"net": "homework"}),
    "Quick": (
        "Muon, four epochs, small shifts: more than 80 % of CIFAR-10's test pictures in about five minutes on two "
        "processor cores.",
        {"optimizer": "muon", "rate": 0.04, "decay": 0.05, "epochs": 4, "crop": 2, "validation": 0.02},
    ),
    "Robust": (
        "Each batch attacked by one step of FGSM, as the lab's own robust network was trained: it names fewer pictures "
        "right, and stands up to small changes of their pixels.",
        {"epochs": 12, "label_smoothing": 0.0, "attack": "fgsm"},
    ),
    "Deep": (
        "The residual network with 3.6 million weights: for a GPU, or for a night.",
        {"net": "deeper"},
    ),
}


def show_starts() -> None:
    """A button for each; it sets every control of the form, but not the data set."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Begin with")
        for name, (about, settings) in STARTS.items():
            st.button(name, key=f"training start {name}", help=about, on_click=_take, args=(settings,))


def _take(settings: dict[str, Any]) -> None:
    for name, value in (_FIRST | settings).items():
        st.session_state[f"training_{name}"] = value
