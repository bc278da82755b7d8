"""DeepDream and feature visualisation: what does a layer, a channel, a unit or a class want to see?

Objectives, parametrisations, transforms and the two ways to climb (DeepDream's gradient ascent, Adam from noise) are
independent of one another.
"""

from cnnlab_core.dream.dream import DreamStep, Dreamt, dream, dream_steps
from cnnlab_core.dream.feature_visualisation import Visualised, VisualiseStep, visualise, visualise_steps
from cnnlab_core.dream.layers import blocks, stages
from cnnlab_core.dream.objectives import (
    Objective,
    blur,
    channel,
    class_log_probability,
    class_logit,
    direction,
    diversity,
    l2,
    layer,
    match,
    total_variation,
    unit,
)
from cnnlab_core.dream.transforms import STANDARD, Jitter, Pad, Rotate, Scale
from cnnlab_core.dream.zoom import ZoomStep, zoom, zoom_steps

__all__ = [
    "STANDARD",
    "DreamStep",
    "Dreamt",
    "Jitter",
    "Objective",
    "Pad",
    "Rotate",
    "Scale",
    "VisualiseStep",
    "Visualised",
    "ZoomStep",
    "blocks",
    "blur",
    "channel",
    "class_log_probability",
    "class_logit",
    "direction",
    "diversity",
    "dream",
    "dream_steps",
    "l2",
    "layer",
    "match",
    "stages",
    "total_variation",
    "unit",
    "visualise",
    "visualise_steps",
    "zoom",
    "zoom_steps",
]
