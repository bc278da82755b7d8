"""Ordinary slips get a sentence: whatever a public function is given, it raises nothing but the lab's own errors.

What is offered in ``__all__`` is enumerated; the table has good arguments for each, of which one at a time is spoilt.
"""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from cnnlab_core import (
    attacks,
    classification,
    convolution,
    dream,
    evaluation,
    exercises,
    from_scratch,
    images,
    interpretability,
    models,
    receptive_field,
)
from cnnlab_core.attacks.transforms import find_transform
from cnnlab_core.data.marked_shapes import planted
from cnnlab_core.errors import LabError
from cnnlab_core.models import load_model
from tests.slips import ANYTHING, call, offered, spoil

PACKAGES = (
    attacks, classification, convolution, dream, evaluation, exercises, from_scratch, images, interpretability, models,
    receptive_field,
)  # fmt: skip

MODEL = load_model("cifar10_standard")
NODE = next(layer.name for layer in MODEL.nodes() if layer.has_maps)
PICTURES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
ONE = PICTURES[:1]
NETWORK = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 3)).eval()
SAID = int(NETWORK(PICTURES)[0].argmax())
CARD_FILE = Path(tempfile.mkdtemp()) / "card.json"
CARD = evaluation.Card("net", "weights", "digits", ("a", "b"), np.arange(4), np.arange(4) % 2, 2, logits=np.eye(4, 2))
evaluation.write_card(CARD_FILE, CARD)
HALF_RIGHT = [SAID, (SAID + 1) % 3]
PHOTO = Image.new("RGB", (40, 30), "teal")
LOGITS = np.array([0.5, -1.0, 2.0])
MANY_LOGITS = np.array([LOGITS, LOGITS])
SIGNAL, ROW = [1.0, 2.0, 3.0, 4.0], [1.0, -1.0]
IMAGE = np.arange(16.0).reshape(4, 4)
KERNEL = np.ones((2, 2))
CONV = {"stride": 1, "padding": 0, "dilation": 1, "padding_mode": "zeros", "flip": False}
TRANSPOSE = {"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1}
MAX = {"stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False}
AVG = {"stride": 2, "padding": 0, "ceil_mode": False, "count_include_pad": True}
ATTACKED = {"model": NETWORK, "x": PICTURES, "y": None, "target": 1, "trace": (0,)}
STEPS = {"steps": 2, "early_stop": False, "keep_best": True}
BALL = {"eps": 0.05, "mask": None}
PGD = {**ATTACKED, **STEPS, **BALL, "step_size": 0.02, "norm": "linf", "loss": "margin", "momentum": 0.5,
       "random_start": True, "restarts": 1, "generator": 3}  # fmt: skip
PGD_WITHOUT = {name: PGD[name] for name in PGD if name not in ("step_size", "momentum")}
FGSM = {**ATTACKED, **BALL, "norm": "linf", "step_size": None, "loss": "margin"}
ASCENT = {**ATTACKED, **STEPS, "step_size": 0.5}
SEARCHED = {"model": NETWORK, "x": PICTURES, "y": None, "target": None, "method": "fgsm", "loss": "margin"}
BISECTED = {**SEARCHED, "highest": 0.5, "iterations": 9}
UNIVERSAL = {"model": NETWORK, "x": PICTURES, "y": None, "eps": 0.1, "step_size": 0.05, "epochs": 1, "batch": 2,
             "norm": "linf", "target": None, "loss": "margin", "seen": None, "generator": 3}  # fmt: skip
FIELD = receptive_field.receptive_fields(NETWORK, 32)["0"]
SHEET = exercises.make_sheets(["conv1d"], seed=1)[0]
PARTS = {type(part): part for kind in exercises.KINDS for part in exercises.make_exercise(kind, 1).parts}
DRAWN_SHEETS = {"kinds": ["conv1d"], "seed": 1, "level": 1, "each": 1, "sheets": 1}
EXPLAINED = {"model": MODEL, "x": ONE, "target": 3}
ASKED = interpretability.Request("Saliency", 3)
EXPLANATION = interpretability.Attribution(np.arange(16.0).reshape(4, 4), signed=True)
LSTM = from_scratch.seeded_parameters("LSTM", 2, 2, 2, seed=3)
READ = from_scratch.unroll("LSTM", LSTM, np.eye(2), [1, 0])

GOOD = {
    **{f"attacks.{name}": given for name, given in {
        "fgsm": FGSM, "pgd": PGD, "minimal_epsilon": BISECTED, "smallest_rounded_epsilon": SEARCHED,
        "universal": UNIVERSAL, "log_probability_ascent": ASCENT,
        "probability_ascent": {**ASCENT, **BALL}, "normalised_probability_ascent": {**ASCENT, **BALL},
        "apgd": {**PGD_WITHOUT, "norm": "l2", "towards": ()}, "square": {**ATTACKED, **BALL, "steps": 2, "share": 0.5,
            "early_stop": False, "generator": 3}, "deepfool": {**ATTACKED, "steps": 2, "overshoot": 0.1, "rivals": 2},
        "carlini_wagner": {**ATTACKED, "steps": 2, "searches": 1, "kappa": 1.0, "c": 2.0, "learning_rate": 0.1},
        "l1_adam": {**ATTACKED, **STEPS, "alpha": 0.1, "learning_rate": 0.01},
    }.items()},
    "attacks.Expectation": {"model": NETWORK, "transforms": [(find_transform("jpeg"), 80)], "generator": 3, "draws": 1},
    "classification.softmax": {"logits": LOGITS, "temperature": 1.0},
    "classification.top_k": {"logits": LOGITS, "labels": ("a", "b", "c"), "k": 2, "temperature": 1.0},
    "classification.rank": {"logits": LOGITS, "index": 1},
    "classification.entropy": {"probabilities": np.array([0.5, 0.5])},
    "classification.margin": {"probabilities": np.array([0.5, 0.5])},
    "classification.work_out_softmax": {"logits": LOGITS, "index": 1, "temperature": 1.0, "terms": 2},
    "convolution.conv1d": {"x": SIGNAL, "w": ROW, "b": 1.0, **CONV, "groups": 1},
    "convolution.conv2d": {"x": IMAGE, "w": KERNEL, "b": 1.0, **CONV, "groups": 1},
    "convolution.conv1d_backward": {"x": SIGNAL, "w": ROW, "dy": [1.0, 1.0, 1.0], **CONV, "groups": 1},
    "convolution.conv2d_backward": {"x": IMAGE, "w": KERNEL, "dy": np.ones((3, 3)), **CONV, "groups": 1},
    "convolution.conv_transpose1d": {"x": SIGNAL, "w": ROW, "b": 0.0, **TRANSPOSE},
    "convolution.conv_transpose2d": {"x": IMAGE, "w": KERNEL, "b": 0.0, **TRANSPOSE},
    "convolution.sgd_update": {"w": ROW, "dw": ROW, "eta": 0.1},
    "convolution.explain": {"target": "y", "index": (0, 0), "x": IMAGE, "w": KERNEL, "b": 0.0, "dy": np.ones((3, 3)),
                            **CONV, "groups": 1},
    "convolution.explain_pool": {"kind": "avg", "target": "y", "index": (0, 0), "x": IMAGE, "window": 2,
                                 "dy": np.ones((2, 2)), "count_include_pad": True, "stride": 2, "padding": 0,
                                 "ceil_mode": False},
    "convolution.geometry": {"input_shape": (4, 4), "kernel_shape": 2, **CONV},
    "convolution.pool_geometry": {"input_shape": (4, 4), "window": 2, **MAX},
    "convolution.output_size": {"size": 5, "kernel": 2, "stride": 1, "padding": 0, "dilation": 1,
                                "padding_mode": "zeros", "ceil_mode": False, "name": "row"},
    "convolution.toeplitz": {"w": KERNEL, "input_shape": (4, 4), **CONV, "groups": 1},
    "convolution.jacobian_weights": {"x": IMAGE, "kernel_shape": (2, 2), **CONV, "groups": 1},
    **{f"convolution.{kind}_pool{dims}d{way}": {
        "x": SIGNAL if dims == 1 else IMAGE, "window": 2, **options,
        **({"dy": np.ones((2,) * dims)} if way == "_backward" else {}),
    } for kind, options in (("max", MAX), ("avg", AVG)) for dims in (1, 2) for way in ("", "_backward", "_routes")
        if (kind, way) != ("avg", "_routes")},
    "convolution.ConvProblem": {"dims": 2, "x": IMAGE, "w": KERNEL, "b": np.array(0.0), "dy": np.ones((3, 3)),
                                "options": {}},
    "convolution.PoolProblem": {"kind": "max", "window": (2, 2), "x": IMAGE, "dy": np.ones((2, 2)), "options": {}},
    "convolution.random_kernel": {"seed": 3, "shape": (3, 3)},
    "convolution.read_cell": {"text": "1/3"},
    "convolution.read_planes": {"name": "image", "text": "1 2; 3 4", "dims": 2},
    "convolution.write_planes": {"planes": IMAGE[None]},
    "convolution.resize": {"array": IMAGE, "shape": (2, 6)},
    "convolution.to_csv": {"arrays": {"x": IMAGE}},
    "convolution.to_plain": {"value": IMAGE},
    "dream.Jitter": {"pixels": 2},
    "dream.Pad": {"pixels": 2, "grey": 0.5},
    "dream.Scale": {"factors": (1.0, 1.1)},
    "dream.Rotate": {"degrees": (0.0, 5.0)},
    "dream.blocks": {"spec": MODEL.spec},
    "dream.stages": {"spec": MODEL.spec},
    "dream.blur": {},
    "dream.total_variation": {},
    "dream.channel": {"node": NODE, "index": 1},
    "dream.class_logit": {"index": 1},
    "dream.class_log_probability": {"index": 1},
    "dream.direction": {"node": NODE, "vector": torch.ones(4), "cosine_power": 1.0},
    "dream.diversity": {"node": NODE},
    "dream.l2": {"grey": 0.5},
    "dream.layer": {"node": NODE, "norm": "mean"},
    "dream.match": {"node": NODE, "values": torch.ones(4, 8, 8)},
    "dream.unit": {"node": NODE, "index": 1, "row": 2, "col": 2},
    "dream.dream": {"model": MODEL, "x": ONE, "objective": dream.class_logit(1), "octaves": 1, "octave_scale": 1.4,
                    "steps": 1, "step_size": 0.01, "jitter": 1, "normalise": "std", "laplacian": 0, "tile": None,
                    "generator": 3},
    "dream.visualise": {"model": MODEL, "objective": dream.class_logit(1), "start": None, "size": 32, "count": 1,
                        "steps": 1, "learning_rate": 0.05, "parametrisation": "pixels", "generator": 3,
                        "transforms": (dream.Jitter(1),)},
    "dream.zoom": {"model": MODEL, "x": ONE, "objective": dream.class_logit(1), "frames": 1, "factor": 1.1,
                   "generator": 3, "octaves": 1, "steps": 1},
    "from_scratch.clip_by_norm": {"gradients": {"W": IMAGE}, "most": 1.0},
    "from_scratch.explain_recurrent": {"unrolled": READ, "target": "dU", "index": (0, 0), "letters": ("a", "b")},
    "from_scratch.from_torch": {"module": nn.GRUCell(2, 2)},
    "from_scratch.parameter_count": {"kind": "GRU", "inputs": 2, "hidden": 3, "torch_biases": True},
    "from_scratch.recurrent_difference": {"unrolled": READ},
    "from_scratch.seeded_parameters": {"kind": "GRU", "inputs": 2, "hidden": 3, "outputs": 2, "seed": 3},
    "from_scratch.to_torch": {"kind": "LSTM", "parameters": LSTM},
    "from_scratch.torch_arrays": {"unrolled": READ},
    "from_scratch.unroll": {"kind": "LSTM", "parameters": LSTM, "x": np.eye(2), "targets": [1, -1], "h0": [0.0, 0.5],
                            "c0": [0.5, 0.0], "dh": np.ones((2, 2))},
    **{f"evaluation.{name}": {"model": NETWORK, "x": PICTURES, "y": HALF_RIGHT, **more}
       for name, more in (("ask", {}), ("corruptions", {"transforms": ["mirror"], "seed": 1}),
                          ("masked_gradients", {"eps": 0.1, "seed": 1, "known": None}),
                          ("robustness", {"eps": 0.1, "seed": 1, "so_far": None}))},
    "evaluation.evaluate": {"model": NETWORK, "loader": [(PICTURES, HALF_RIGHT)], "attacks": ["fgsm"], "eps": [0.1],
                            "norm": "l2"},
    "evaluation.expected_seconds": {"model": NETWORK, "x": PICTURES, "y": HALF_RIGHT, "eps": 0.1},
    "evaluation.wilson": {"right": 3, "of": 4, "level": 0.9},
    "evaluation.Share": {"right": 3, "of": 4},
    "evaluation.accuracy": {"logits": MANY_LOGITS, "labels": np.array([2, 0]), "most": 3},
    "evaluation.calibration": {"logits": MANY_LOGITS, "labels": np.array([2, 0]), "bins": 3, "temperature": 1.0},
    "evaluation.fit_temperature": {"logits": MANY_LOGITS, "labels": np.array([2, 0])},
    "evaluation.draw_pictures": {"model": load_model("glass_digits"), "data": "digits", "count": 4, "seed": 1},
    "evaluation.figures": {"card": CARD},
    "evaluation.read_card": {"path": CARD_FILE},
    "evaluation.write_card": {"path": CARD_FILE, "card": CARD},
    "evaluation.temperature_interval": {"logits": MANY_LOGITS, "labels": np.array([2, 0])},
    "evaluation.ece_interval": {"logits": MANY_LOGITS, "labels": np.array([2, 0]), "bins": 3, "temperature": 1.0,
                                "draws": 9},
    "exercises.make_exercise": {"kind": "conv1d", "seed": 1, "level": 1},
    "exercises.draw_sheets": DRAWN_SHEETS,
    "exercises.moodle_xml": {"sheets": [SHEET]},
    "exercises.qti_package": {"sheets": [SHEET]},
    "exercises.make_sheets": DRAWN_SHEETS,
    "exercises.sheets_html": {"sheets": [SHEET], "solutions": True, "lab": "http://lab"},
    "exercises.Choice.check": {"answer": "true"},
    "exercises.Numbers.check": {"answer": "1 2"},
    "images.check_pixels": {"x": ONE},
    "images.in_eight_bits": {"x": ONE},
    "images.to_uint8": {"x": ONE},
    "images.to_picture": {"x": ONE},
    "images.to_tensor": {"picture": PHOTO},
    "images.jpeg": {"picture": PHOTO},
    "images.png": {"picture": PHOTO},
    "images.label_picture": {"picture": PHOTO, "text": "tabby", "width": 200},
    "images.shrunk": {"picture": PHOTO, "longest": 20},
    "images.square": {"picture": PHOTO, "side": 20},
    "images.webp": {"picture": PHOTO},
    "images.thumbnail": {"picture": PHOTO, "longest": 20},
    "images.open_image": {"source": images.png(PHOTO)},
    "images.open_apart": {"content": images.png(PHOTO)},
    "images.sample_images": {},
    "interpretability.capture": {"model": MODEL, "x": ONE, "nodes": [NODE]},
    "interpretability.saliency": EXPLAINED,
    "interpretability.grad_cam": {**EXPLAINED, "node": NODE},
    "interpretability.grad_cam_plus_plus": {**EXPLAINED, "node": NODE},
    "interpretability.smooth_grad": {**EXPLAINED, "draws": 1, "noise": 0.1, "generator": 3},
    "interpretability.rise": {**EXPLAINED, "masks": 1, "cells": 4, "keep": 0.4, "batch": 2,
                              "generator": 3},
    "interpretability.agreement": {"found": {"Saliency": EXPLANATION, "RISE": EXPLANATION}, "grid": 2},
    "interpretability.rank_correlation": {"first": SIGNAL, "second": [2.0, 1.0, 0.5, 0.0]},
    "interpretability.usual": {"spec": MODEL.spec, "method": "RISE", "target": 3},
    "interpretability.attribute_all": {"model": MODEL, "x": ONE, "requests": [ASKED]},
    "interpretability.baseline_picture": {"x": ONE, "baseline": "blurred"},
    "interpretability.deletion": {**EXPLAINED, "maps": {"a map": np.eye(32)}, "steps": 1, "baseline": "grey",
                                  "generator": 3},
    "interpretability.distance_at": {"model": MODEL, "x": ONE, "other": PICTURES[1:], "node": NODE},
    "interpretability.inversion": {"model": MODEL, "x": ONE, "node": NODE, "steps": 1, "smoothness": 0.1,
                                   "learning_rate": 0.1, "generator": 3},
    "interpretability.randomisation": {"model": MODEL, "x": ONE, "requests": [ASKED], "stages": 1, "seed": 2},
    "interpretability.shortcut": {"model": MODEL, "planted": planted(1), "methods": ["Saliency"]},
    "interpretability.rise_mask": {"height": 20, "width": 30, "cells": 4, "keep": 0.4, "generator": 3},
    "interpretability.integrated_gradients": {**EXPLAINED, "steps": 2, "baseline": 0.5, "batch": 2},
    "interpretability.occlusion": {**EXPLAINED, "window": 32, "stride": 32, "baseline": 0.5, "batch": 2},
    "interpretability.attribute": {"model": MODEL, "x": ONE, "request": interpretability.Request("Saliency", 3)},
    "interpretability.Request": {"method": "Saliency", "target": 3, "node": "", "steps": 5, "baseline": 0.5,
                                 "window": 8, "stride": 8, "draws": 2, "noise": 0.1, "masks": 2, "cells": 4,
                                 "batch": 2, "seed": 1},
    "models.all_specs": {},
    "models.find_spec": {"name": "alexnet"},
    "models.layer_table": {"name": "cifar10_standard", "size": (32, 32)},
    "models.list_models": {},
    "models.load_model": {"name": "cifar10_standard", "weights": "pretrained", "device": "cpu", "seed": 1},
    "models.LoadedModel": {"x": ONE},
    "models.LoadedModel.prepare": {"picture": PHOTO},
    "models.LoadedModel.top_k": {"x": ONE, "k": 2},
    "receptive_field.Counting": {"pixels": 1, "units": 0, "from_below": True},
    "receptive_field.ReceptiveField.box": {"row": 1, "col": 1, "clip": False},
    "receptive_field.Window": {"kernel": 3, "stride": 2, "before": -1, "dilation": 1, "padding_mode": "reflect"},
    "receptive_field.receptive_fields": {
        "model": NETWORK, "input_size": (32, 32), "channels": 3,
        "rules": {nn.AvgPool2d: lambda layer, x: (receptive_field.Window(8, 8), receptive_field.Window(8, 8))},
    },
}  # fmt: skip

RECORDS = {
    "attacks.AttackResult", "attacks.AttackStep", "attacks.Measured", "attacks.MinimalEpsilon", "attacks.Threat",
    "attacks.Universal", "classification.Prediction", "classification.SoftmaxTerm", "classification.SoftmaxWorkedOut",
    "convolution.AxisGeometry", "convolution.Example", "convolution.Explanation", "convolution.Factor",
    "convolution.Geometry", "convolution.Gradients", "convolution.Kernel", "convolution.OutputSize", "convolution.Term",
    "from_scratch.Clipped", "from_scratch.Explanation", "from_scratch.Factor", "from_scratch.Term",
    "from_scratch.Unrolled",
    "dream.DreamStep", "dream.Dreamt", "dream.Objective", "dream.VisualiseStep", "dream.Visualised", "dream.ZoomStep",
    "evaluation.Accuracy", "evaluation.Calibration", "evaluation.Card", "evaluation.Check", "evaluation.Corrupted",
    "evaluation.Evaluated", "evaluation.Figure", "evaluation.Robustness",
    "exercises.Exercise", "exercises.Kind", "exercises.Choice", "exercises.Numbers", "exercises.Sheet",
    "images.Sample", "interpretability.Attribution", "interpretability.Curves",
    "interpretability.Randomised", "interpretability.Trial", "models.Layer", "models.ModelSpec", "models.Stage",
    "receptive_field.Box", "receptive_field.Growth", "receptive_field.ReceptiveField",
}  # fmt: skip
"""What functions give back, and what other functions make: nobody calls these."""

OFFERED = offered(*PACKAGES) | {
    "exercises.Choice.check": PARTS[exercises.Choice].check,
    "exercises.Numbers.check": PARTS[exercises.Numbers].check,
    "models.LoadedModel": MODEL,
    "models.LoadedModel.prepare": MODEL.prepare,
    "models.LoadedModel.top_k": MODEL.top_k,
    "receptive_field.ReceptiveField.box": FIELD.box,
}
GOOD |= {name: GOOD[name.removesuffix("_steps")] for name in OFFERED if name.endswith("_steps")}


def test_the_table_knows_all_that_is_offered():
    assert set(GOOD) | RECORDS == set(OFFERED)
    for name in GOOD:
        if f"{name}_steps" in GOOD:  # the same function, run to its end
            assert OFFERED[name].__wrapped__ is OFFERED[f"{name}_steps"]
    records = [OFFERED[name] for name in RECORDS]
    assert all(dataclasses.is_dataclass(record) or issubclass(record, tuple) for record in records)


@pytest.mark.parametrize("name", sorted(name for name in GOOD if f"{name}_steps" not in GOOD))
def test_one_wrong_argument_is_a_sentence(name):
    spoil(OFFERED[name], GOOD[name])


@settings(max_examples=150)
@given(st.data())
def test_random_arguments_are_sentences(data):
    name = data.draw(st.sampled_from(sorted(name for name in GOOD if GOOD[name])))
    argument = data.draw(st.sampled_from(sorted(GOOD[name])))
    try:
        call(OFFERED[name], {**GOOD[name], argument: data.draw(ANYTHING)})
    except LabError as error:
        assert str(error)
