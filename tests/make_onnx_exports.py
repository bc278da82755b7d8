"""Makes tests/onnx_exports.npz: small networks as torch's two exporters write them, and what onnxruntime answers.

pip install onnx onnxscript onnxruntime && python tests/make_onnx_exports.py
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torchvision.models import DenseNet, MobileNetV3, ShuffleNetV2, SwinTransformer, VisionTransformer
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.mobilenetv3 import InvertedResidualConfig

BLOCKS = [InvertedResidualConfig(16, 3, 16, 16, True, "HS", 2, 1, 1),
          InvertedResidualConfig(16, 5, 32, 16, False, "RE", 1, 1, 1)]  # fmt: skip
NETWORKS = {
    "vit": lambda: VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=5),
    "swin": lambda: SwinTransformer([4, 4], 8, [2, 2], [2, 2], [4, 4], num_classes=5),
    "convnext": lambda: ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5),
    "densenet": lambda: DenseNet(4, (2, 2), 8, num_classes=5),
    "mobilenet_v3": lambda: MobileNetV3(BLOCKS, last_channel=32, num_classes=5),
    "shufflenet": lambda: ShuffleNetV2([1, 2, 1], [8, 8, 16, 32, 32], num_classes=5),
}


def seeded(network):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                spread = 0.5 if value.ndim < 2 else (2 / value[0].numel()) ** 0.5
                value.copy_(torch.randn(value.shape, generator=generator) * spread)
                if "var" in name or (value.ndim < 2 and name.endswith("weight")):
                    value.abs_().add_(0.5)
    return network.eval()


def main():
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = {"pictures": x.numpy()}
    for name, make in NETWORKS.items():
        for way, options in (("new", {"dynamo": True, "external_data": False}), ("old", {"dynamo": False})):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.onnx"
                torch.onnx.export(seeded(make()), (x[:1],), str(path), **options)
                content = path.read_bytes()
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            (pixels,) = session.get_inputs()
            answers = [session.run(None, {pixels.name: x[place : place + 1].numpy()})[0] for place in range(3)]
            found[f"{name} {way}"] = np.frombuffer(content, np.uint8)
            found[f"{name} {way} answers"] = np.concatenate(answers)
    np.savez_compressed(Path(__file__).with_name("onnx_exports.npz"), **found)


if __name__ == "__main__":
    main()
