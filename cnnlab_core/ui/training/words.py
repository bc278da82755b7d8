"""The settings of a run in plain words, as its form and its tables have them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cnnlab_core.training.config import Config

NETS = {
    "homework": "64 filters of 11 × 11, ReLU, max pooling, two layers of 128 filters of 3 × 3, and an average.",
    "homework_bn": "The same with batch normalisation behind each convolution: it learns much faster.",
    "deeper": "A small residual network with 3.6 million weights: the best of the three, and the slowest.",
    "stack": "Rows of layers of your own.",
}
NET_TITLES = {
    "homework": "homework",
    "homework_bn": "homework with batch norm",
    "deeper": "deeper (residual)",
    "stack": "my own stack",
}
ATTACKS = {
    "none": "On the pictures as they are.",
    "fgsm": "Each batch is first changed by one signed step from a random start (Wong et al. 2020): robust, quickly.",
    "pgd": "Each batch is first changed by several small steps (Madry et al. 2017): sturdier, and that much slower.",
}
ATTACK_TITLES = {"none": "clean pictures", "fgsm": "attacked, fast FGSM", "pgd": "attacked, PGD"}
HELP = {
    "learning_rate": "How far each step moves the weights. Too small learns slowly; too large makes the loss jump or "
    "overflow.",
    "batch": "Pictures per step. More make each step steadier and fewer of them.",
    "epochs": "How many times every training picture is seen.",
    "schedule": "One-cycle warms up, peaks at the learning rate and cools down to almost 0; constant stays.",
    "optimizer": "AdamW gives each weight its own step size; SGD moves all alike, with momentum; Muon moves every "
    "direction of a layer alike and learns the most from each picture (a learning rate of 0.02 to 0.05 suits it).",
    "momentum": "How much of its last move the optimiser keeps.",
    "weight_decay": "Pulls weights towards 0, so that few large ones remain.",
    "label_smoothing": "The share of certainty taken from the true class: 0 asks for 100 %, 0.1 for about 90 %.",
    "crop": "Each picture is shifted by up to so many pixels, another way each time.",
    "flip": "Every other picture is mirrored, others each time.",
    "validation": "The share of the training pictures that is held out, to see what the network makes of new ones.",
    "limit": "Train on so many pictures only; 0 takes all.",
    "seed": "Decides the first weights, the order, shifts and flips. Equal settings and seed give equal weights.",
    "precision": "Auto tests for a second whether bfloat16 is faster and safe on this machine.",
    "epsilon": "How much an attack may change each channel of a pixel, in 255ths.",
    "attack_steps": "Steps of the attack on each batch.",
}


def settings_table(config: Config) -> list[dict[str, str]]:
    """Every setting that counts, one row each."""
    return [{"setting": spoken(name), "value": value_text(name, value)} for name, value in _counting(config).items()]


def spoken(name: str) -> str:
    """A setting's name in words."""
    return name.replace("_", " ")


def value_text(name: str, value: object) -> str:
    """A setting's value in words."""
    if name == "epsilon" and isinstance(value, float):
        return f"{value * 255:g}/255"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "limit" and value == 0:
        return "all pictures"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _counting(config: Config) -> Mapping[str, Any]:
    unused = set()
    if config.attack == "none":
        unused |= {"epsilon", "attack_steps", "attack_step"}
    elif config.attack == "fgsm":
        unused.add("attack_steps")
    if not config.attack_step:
        unused.add("attack_step")
    if config.net != "stack":
        unused.add("stack")
    if config.optimizer == "adamw":
        unused.add("momentum")
    return {name: value for name, value in asdict(config).items() if name not in unused}


def duration(seconds: float) -> str:
    """“40 s”, “3 min”, “1 h 20 min”."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
