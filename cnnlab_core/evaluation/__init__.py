"""What a network's figures are worth: accuracy and its interval, robustness, calibration, signs of hidden gradients."""

from cnnlab_core.evaluation.accuracy import Accuracy, Share, accuracy, wilson
from cnnlab_core.evaluation.attacked import Evaluated, evaluate, evaluate_steps
from cnnlab_core.evaluation.calibration import (
    Calibration,
    calibration,
    ece_interval,
    fit_temperature,
    temperature_interval,
)
from cnnlab_core.evaluation.card import Card, Figure, figures
from cnnlab_core.evaluation.card_files import read_card, write_card
from cnnlab_core.evaluation.corruptions import Corrupted, corruptions, corruptions_steps
from cnnlab_core.evaluation.masked_gradients import Check, masked_gradients, masked_gradients_steps
from cnnlab_core.evaluation.pictures import ask, ask_steps, draw_pictures
from cnnlab_core.evaluation.robustness import Robustness, expected_seconds, robustness, robustness_steps

__all__ = [
    "Accuracy",
    "Calibration",
    "Card",
    "Check",
    "Corrupted",
    "Evaluated",
    "Figure",
    "Robustness",
    "Share",
    "accuracy",
    "ask",
    "ask_steps",
    "calibration",
    "corruptions",
    "corruptions_steps",
    "draw_pictures",
    "ece_interval",
    "evaluate",
    "evaluate_steps",
    "expected_seconds",
    "figures",
    "fit_temperature",
    "masked_gradients",
    "masked_gradients_steps",
    "read_card",
    "robustness",
    "robustness_steps",
    "temperature_interval",
    "wilson",
    "write_card",
]
