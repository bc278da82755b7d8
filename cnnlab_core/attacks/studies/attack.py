"""The attack on one picture, with so much of the way as a page can show."""

from dataclasses import replace

import torch

from cnnlab_core.attacks.loop import Attack
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.images import to_uint8
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table

MOST_FRAMES = 41
"""So many pictures of the way are kept, the first and the last among them."""


def attack_picture_steps(
    model: LoadedModel, x: torch.Tensor, plan: Plan, target: int | None = None, *, through: Classifier | None = None
) -> Attack:
    """Attack one picture ``x`` (1, 3, H, W), away from what the network says of it, or towards ``target``.

    ``through`` is the model as the attack sees it, an ``Expectation`` over it say. The result's ``trace`` has up to
    ``MOST_FRAMES`` pictures of the way, in 8 bits. Raises what the attacks raise.
    """
    every = max(1, -(-(plan.total - 1) // (MOST_FRAMES - 1)))
    result = yield from plan.start(through or model, x, target=target, trace=range(0, plan.total, every))
    return replace(
        result, trace={step: to_uint8(result.in_eight_bits(picture)).cpu() for step, picture in result.trace.items()}
    )


def ask(model: LoadedModel, x: torch.Tensor) -> View:
    """What the network says of one picture ``x`` (1, 3, H, W), shown in 8 bits."""
    return View.of(x[0], logits_of(model, x)[0])


def shown_class(result: AttackResult) -> int:
    """The class whose probability an attack on one picture is about: the target, or what the 8-bit picture became."""
    return int(result.rounded.predicted if result.goal.target is None else result.goal.target)


def history_table(result: AttackResult) -> str:
    """Every step of an attack on one picture as CSV: objective, gradient norm, P of the true class and the target."""
    history = result.history
    columns = [history.losses, history.gradient_norm, history.p_true]
    columns += [] if history.p_target is None else [history.p_target]
    rows = [
        (step, *(f"{value:.9g}" for value in row), *[""] * (4 - len(row)))
        for step, row in enumerate(torch.cat([column.double() for column in columns], 1).tolist())
    ]
    return csv_table(("step", "objective", "gradient_norm", "p_true", "p_target"), rows)
