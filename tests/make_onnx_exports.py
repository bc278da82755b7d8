"""Makes tests/onnx_exports.npz: small networks as torch's two exporters write them, and what onnxruntime answers.

pip install onnx onnxscript onnxruntime && python tests/make_onnx_exports.py
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from torchvision import models
from torchvision.models import inception
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig
from torchvision.models.googlenet import BasicConv2d, Inception
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.regnet import BlockParams
from torchvision.models.resnet import Bottleneck
from torchvision.models.squeezenet import Fire
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2
from torchvision.models.vgg import make_layers


class ThinResNet(models.ResNet):
    """With a sixteenth of the maps."""

    def _make_layer(self, block, planes, *more, **options):
        return super()._make_layer(block, planes // 16, *more, **options)


def having(network, **parts):
    """The network with other parts in place of some of its own."""
    for name, part in parts.items():
        setattr(network, name, part)
    return network


def thinner(by, conv, *blocks):
    """Blocks of GoogLeNet or Inception with a part of the maps."""

    def thin(channels, out, **options):
        return conv(channels if channels == 3 else channels // by, out // by, **options)

    return [thin, *(partial(block, conv_block=thin) for block in blocks), None]


def alexnet():
    network = models.AlexNet(5)
    features = network.features
    for place, (channels, out) in {0: (3, 8), 3: (8, 8), 6: (8, 8), 8: (8, 8), 10: (8, 16)}.items():
        old = features[place]
        features[place] = nn.Conv2d(channels, out, old.kernel_size, old.stride, old.padding)
    head = nn.Sequential(nn.Dropout(), nn.Linear(16 * 36, 16), nn.ReLU(True), nn.Linear(16, 5))
    return having(network, classifier=head)


def vgg():
    head = nn.Sequential(nn.Linear(16 * 49, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5))
    return having(models.VGG(make_layers([8, "M", 16, "M"], batch_norm=True), init_weights=False), classifier=head)


def squeezenet():
    features = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(8, 4, 8, 8),
        nn.MaxPool2d(3, 2, ceil_mode=True), Fire(16, 4, 8, 8),
    )  # fmt: skip
    network = having(models.SqueezeNet("1_1", 5), features=features)
    network.classifier[1] = nn.Conv2d(16, 5, 1)
    return network


BLOCKS = [InvertedResidualConfig(16, 3, 16, 16, True, "HS", 2, 1, 1),
          InvertedResidualConfig(16, 5, 32, 16, False, "RE", 1, 1, 1)]  # fmt: skip
INCEPTION = [f"Inception{letter}" for letter in "ABCDE"]
NETWORKS = {
    "alexnet": (224, alexnet),
    "convnext": (32, lambda: models.ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5)),
    "densenet": (32, lambda: models.DenseNet(4, (2, 2), 8, num_classes=5)),
    "efficientnet": (32, lambda: models.EfficientNet(
        [MBConvConfig(1, 3, 1, 8, 8, 1), MBConvConfig(4, 5, 2, 8, 16, 2)], 0.2, num_classes=5, last_channel=32)),
    "efficientnet v2": (32, lambda: models.EfficientNet(
        [FusedMBConvConfig(1, 3, 1, 8, 8, 1), FusedMBConvConfig(4, 3, 2, 8, 16, 2), MBConvConfig(4, 3, 2, 16, 16, 1)],
        0.2, num_classes=5, last_channel=32)),
    "googlenet": (32, lambda: having(
        models.GoogLeNet(5, False, True, False, blocks=thinner(8, BasicConv2d, Inception)),
        fc=nn.Linear(128, 5))),
    "inception": (75, lambda: having(
        models.Inception3(5, False, True, thinner(16, inception.BasicConv2d, *map(inception.__dict__.get, INCEPTION)),
                          False),
        fc=nn.Linear(128, 5))),
    "maxvit": (32, lambda: models.MaxVit((32, 32), 8, 2, [8, 16], [1, 1], 4, 0.1, num_classes=5)),
    "mnasnet": (32, lambda: models.MNASNet(0.1, 5)),
    "mobilenetv2": (32, lambda: models.MobileNetV2(5, 0.25, [[1, 8, 1, 1], [6, 8, 1, 2], [6, 16, 2, 2]])),
    "mobilenetv3": (32, lambda: models.MobileNetV3(BLOCKS, last_channel=32, num_classes=5)),
    "regnet": (32, lambda: models.RegNet(
        BlockParams([1, 2], [8, 16], [4, 8], [1.0, 1.0], [2, 2], 0.25), num_classes=5, stem_width=8)),
    "resnet": (32, lambda: having(ThinResNet(Bottleneck, [1, 2, 1, 1], groups=2), fc=nn.Linear(128, 5))),
    "shufflenetv2": (32, lambda: models.ShuffleNetV2([1, 2, 1], [8, 8, 16, 32, 32], num_classes=5)),
    "squeezenet": (32, squeezenet),
    "swin_transformer": (32, lambda: models.SwinTransformer([4, 4], 8, [2, 2], [2, 2], [4, 4], num_classes=5)),
    "swin_transformer v2": (32, lambda: models.SwinTransformer(
        [4, 4], 8, [2, 2], [2, 2], [4, 4], num_classes=5, block=SwinTransformerBlockV2,
        downsample_layer=PatchMergingV2)),
    "vgg": (28, vgg),
    "vision_transformer": (32, lambda: models.VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=5)),
}  # fmt: skip
"""Of each family of torchvision's classifiers, by its module there: one with few maps, and the side of its pictures."""


def seeded(network):
    """With numbers of its own in all that it has: few different ones in each tensor, which a zip makes small."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                spread = 0.5 if value.ndim < 2 else (2 / value[0].numel()) ** 0.5
                value.copy_((4 * torch.randn(value.shape, generator=generator)).round() / 4 * spread)
                if "var" in name or (value.ndim < 2 and name.endswith("weight")):
                    value.abs_().add_(0.5)
    return network.eval()


def main():
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = {"pictures": x.numpy()}
    for name, (side, make) in NETWORKS.items():
        pictures = x.repeat(1, 1, 7, 7)[..., :side, :side]
        for way, options in (("new", {"dynamo": True, "external_data": False}), ("old", {"dynamo": False})):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.onnx"
                torch.onnx.export(seeded(make()), (pictures[:1],), str(path), **options)
                content = path.read_bytes()
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            (pixels,) = session.get_inputs()
            answers = [session.run(None, {pixels.name: pictures[k : k + 1].numpy()})[0] for k in range(3)]
            found[f"{name} {way}"] = np.frombuffer(content, np.uint8)
            found[f"{name} {way} answers"] = np.concatenate(answers)
    np.savez_compressed(Path(__file__).with_name("onnx_exports.npz"), **found)


if __name__ == "__main__":
    main()
