"""Adversarial attacks: how little must change before the network is wrong?"""

from cnnlab_core.attacks.apgd import apgd, apgd_steps
from cnnlab_core.attacks.carlini_wagner import carlini_wagner, carlini_wagner_steps
from cnnlab_core.attacks.deepfool import deepfool, deepfool_steps
from cnnlab_core.attacks.eot import Expectation
from cnnlab_core.attacks.fgsm import fgsm, fgsm_steps
from cnnlab_core.attacks.l1_adam import l1_adam, l1_adam_steps
from cnnlab_core.attacks.log_probability_ascent import log_probability_ascent, log_probability_ascent_steps
from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.minimal_epsilon import (
    MinimalEpsilon,
    minimal_epsilon,
    minimal_epsilon_steps,
    smallest_rounded_epsilon,
    smallest_rounded_epsilon_steps,
)
from cnnlab_core.attacks.normalised_probability_ascent import (
    normalised_probability_ascent,
    normalised_probability_ascent_steps,
)
from cnnlab_core.attacks.pgd import pgd, pgd_steps
from cnnlab_core.attacks.probability_ascent import probability_ascent, probability_ascent_steps
from cnnlab_core.attacks.result import AttackResult, Measured
from cnnlab_core.attacks.square import square, square_steps
from cnnlab_core.attacks.threat import NORMS, Threat
from cnnlab_core.attacks.universal import Universal, universal, universal_steps

__all__ = [
    "NORMS",
    "AttackResult",
    "AttackStep",
    "Expectation",
    "Measured",
    "MinimalEpsilon",
    "Threat",
    "Universal",
    "apgd",
    "apgd_steps",
    "carlini_wagner",
    "carlini_wagner_steps",
    "deepfool",
    "deepfool_steps",
    "fgsm",
    "fgsm_steps",
    "l1_adam",
    "l1_adam_steps",
    "log_probability_ascent",
    "log_probability_ascent_steps",
    "minimal_epsilon",
    "minimal_epsilon_steps",
    "normalised_probability_ascent",
    "normalised_probability_ascent_steps",
    "pgd",
    "pgd_steps",
    "probability_ascent",
    "probability_ascent_steps",
    "smallest_rounded_epsilon",
    "smallest_rounded_epsilon_steps",
    "square",
    "square_steps",
    "universal",
    "universal_steps",
]
