"""The attack on a single neuron as files, and as the Python that repeats it."""

import json

import numpy as np

from cnnlab_core.recipes.adversarial import neuron as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.adversarial.neuron_setting import Setting, Story
from cnnlab_core.ui.take_away import File


def code(setting: Setting) -> str:
    """The same in a notebook."""
    neuron, ball = setting.neuron, setting.ball
    return recipe.code(
        neuron.w.tolist(), neuron.b, ball.centre.tolist(), setting.y, norm=ball.norm, eps=ball.eps, box=ball.box,
        step_sizes=setting.step_sizes, step_size=setting.step_size, steps=setting.steps, seed=setting.seed,
        raw=setting.raw,
    )  # fmt: skip


def files(setting: Setting, story: Story) -> tuple[File, File]:
    """The steps as CSV; the setting and what follows from it as JSON."""
    return (
        File("Steps (CSV)", steps_table(setting, story), "cnnlab_neuron_steps.csv", "text/csv"),
        File("Everything (JSON)", everything(setting, story), "cnnlab_neuron.json", "application/json"),
    )


def steps_table(setting: Setting, story: Story) -> str:
    """One line for each step."""
    points = [f"{name}_x{i}" for name in ("start", "before", "after") for i in (1, 2)]
    single = [("single", size, step) for size, step in zip(setting.step_sizes, story.single, strict=True)]
    rows = []
    for attack, size, step in [*single, *(("pgd", setting.step_size, step) for step in story.walk)]:
        numbers = [float(value) for point in (step.start, step.before, step.after) for value in point]
        loss, fooled = setting.neuron.loss(step.after, setting.y), setting.neuron.fooled(step.after, setting.y)
        shares = [float(np.exp(-setting.neuron.loss(step.after, label))) for label in (0, 1)]
        rows.append((attack, step.index, size, *numbers, step.place, loss, *shares, "yes" if fooled else "no"))
    header = ("attack", "step", "step_size", *points, "place", "loss", "p_class_0", "p_class_1", "fooled")
    return csv_table(header, rows)


def everything(setting: Setting, story: Story) -> str:
    """The setting, the optimum and the smallest epsilons; null where no epsilon is enough."""
    neuron, ball = setting.neuron, setting.ball
    return json.dumps(
        {
            "w": neuron.w.tolist(),
            "b": neuron.b,
            "x": ball.centre.tolist(),
            "label": setting.y,
            "norm": ball.norm,
            "epsilon": ball.eps,
            "steps_follow": "the gradient" if setting.raw else "the gradient, normalised in the norm",
            "box": ball.box,
            "probability_of_class_1": float(neuron.probability(ball.centre)),
            "gradient": neuron.gradient(ball.centre, setting.y).tolist(),
            "corners": ball.corners().tolist(),
            "optimum": {"x": story.best.tolist(), "loss": neuron.loss(story.best, setting.y)},
            "pgd": {"step_size": setting.step_size, "steps": setting.steps, "seed": setting.seed},
            "smallest_epsilon": {
                norm: None if found.point is None else found.eps for norm, found in story.smallest.items()
            },
        },
        indent=1,
    )
