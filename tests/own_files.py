"""Files with networks as others write them, and a session of the lab that has brought one."""

import io

import numpy as np
import torch
from onnx_files import node, onnx
from places import ROOT
from safetensors.torch import save as safetensors
from timm import create_model
from torchvision.models import mobilenet_v2

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models.own.kept import Asked
from cnnlab_core.models.own.trying import try_out
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.ui.mine import Mine, Networks


def seeded(network, seed=0):
    """The network in eval mode with numbers of its own in all that it has, batch norms too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                spread = 0.5 if value.ndim < 2 else value[0].numel() ** -0.5
                value.copy_(torch.randn(value.shape, generator=generator) * spread)
                if "var" in name:
                    value.abs_().add_(0.5)
    return network.eval()


def torch_saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def another_projects_resnet(seed=3, classes=10):
    """A ResNet-8 for CIFAR as others write it: “shortcut”, “linear”, DataParallel's prefix, in a dict of its own."""
    table = places_of_cifar_resnet(classes=classes)
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(shape, generator=generator) + 0.5
        if "var" in name
        else torch.randn(shape, generator=generator) / 3
        for name, shape in table.items()
    }


def places_of_cifar_resnet(widths=(4, 8, 16), classes=10):
    def norm(name, width):
        return {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}

    table, before = {"conv1.weight": (widths[0], 3, 3, 3), **norm("bn1", widths[0])}, widths[0]
    for group, width in enumerate(widths, 1):
        at = f"layer{group}.0"
        table |= {f"{at}.conv1.weight": (width, before, 3, 3), f"{at}.conv2.weight": (width, width, 3, 3)}
        table |= norm(f"{at}.bn1", width) | norm(f"{at}.bn2", width)
        if group > 1:
            table |= {f"{at}.shortcut.0.weight": (width, before, 1, 1), **norm(f"{at}.shortcut.1", width)}
        before = width
    return {**table, "linear.weight": (classes, before), "linear.bias": (classes,)}


def resnet_file(seed=3, classes=10):
    """The same as DataParallel saves it, each name behind “module.”; it names different photos differently."""
    state = another_projects_resnet(seed, classes)
    state["linear.weight"] *= 5
    state["linear.bias"] *= 0
    return torch_saved({"state_dict": {f"module.{name}": value for name, value in state.items()}})


def digits_file(side=28):
    """An ONNX file of a network for one channel and ``side`` × ``side`` pixels, with the names of ten classes."""
    chance = np.random.default_rng(0)
    nodes = [
        node("Conv", ["pixels", "conv.weight", "conv.bias"], "a", pads=[1, 1, 1, 1]),
        node("Relu", ["a"], "b"),
        node("MaxPool", ["b"], "c", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["c"], "d"),
        node("Gemm", ["d", "fc.weight", "fc.bias"], "logits", transB=1),
    ]
    shapes = {"conv.weight": (4, 1, 3, 3), "conv.bias": (4,), "fc.weight": (10, side * side), "fc.bias": (10,)}
    tensors = {name: (chance.normal(size=shape) / 5).astype(np.float32) for name, shape in shapes.items()}
    return onnx(nodes, tensors, ("batch", 1, side, side), words=[("names", str({k: f"digit {k}" for k in range(10)}))])


def huge_file(maps=500, side=512):
    """A small ONNX file of a network whose maps would take half a gigabyte, though it keeps none for the way back."""
    nodes = [
        node("Conv", ["pixels", "w"], "a"), node("GlobalAveragePool", ["a"], "b"), node("Flatten", ["b"], "logits"),
    ]  # fmt: skip
    return onnx(nodes, {"w": np.ones((maps, 1, 1, 1), np.float32)}, ("batch", 1, side, side))


FILES = {
    "theirs.pt": resnet_file,
    "flowers.safetensors": lambda: safetensors(seeded(mobilenet_v2(num_classes=5)).state_dict()),
    "digits.onnx": digits_file,
    "exported.onnx": lambda: np.load(ROOT / "tests" / "onnx_exports.npz")["vision_transformer new"].tobytes(),
    "many.pt": lambda: resnet_file(classes=21_000),
    "large.onnx": lambda: digits_file(side=512),
    "timms.pt": lambda: torch_saved({"arch": "test_vit", "state_dict": seeded(create_model("test_vit")).state_dict()}),
}
"""What visitors bring: a ResNet for CIFAR from another project, a MobileNet of five classes, one channel of 28 × 28 in
an ONNX file that isn't torch's, one that is (with attention), 21,000 classes, pictures of 512 × 512, and a
checkpoint of timm's training, of a network that has no graph."""


def session_with(file, content, **settings):
    """What a session holds that has brought a network, and the network's name in the address."""
    asked = finish(Asked(file, content, **settings).read_steps())
    own = asked.own(file.split(".")[0])
    tried = try_out(own.on(own.device), [open_image(sample_images()["chelsea"].content)])
    return {"own networks": Networks({own.spec.name: Mine(own, asked, tried)})}, own.spec.name
