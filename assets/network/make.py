"""Makes glass_digits.json and glass_cifar10.json: networks for the browser, with the first test picture of each class.

The home page shows one, and imports no torch. CIFAR-10 has to be on this machine: the Training page fetches it.
"""

import base64
import json
from pathlib import Path

from cnnlab_core.data import open_data
from cnnlab_core.models import load_model
from cnnlab_core.network.glass import GLASS, glass_network

for name, data in zip(GLASS, ("digits", "cifar10"), strict=True):
    network = glass_network(load_model(name))
    test = open_data(data).read_test()
    firsts = [int((test.labels == index).nonzero()[0]) for index in range(10)]
    pixels = [test.images[first].permute(2, 0, 1)[: network["shape"][0]].numpy().tobytes() for first in firsts]
    samples = [
        {"name": title, "pixels": base64.b64encode(levels).decode()}
        for title, levels in zip(network["classes"], pixels, strict=True)
    ]
    text = json.dumps({"network": network, "samples": samples}, ensure_ascii=False)
    Path(__file__).with_name(f"{name}.json").write_text(text, encoding="utf-8")
