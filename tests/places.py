"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGENET_SAMPLES = ROOT.parent / "shared" / "data" / "imagenet_samples"
