"""How every recipe begins: the imports, the network, and the picture."""

IMPORTS = """\
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model"""


def picture(sample: str | None) -> str:
    """The expression that opens a picture: ``sample`` of the gallery; None stands for a file of your own."""
    return f'open_image(sample_images()["{sample}"].content)' if sample else 'open_image("photo.jpg")'


def prepared(model: str, weights: str, sample: str | None) -> str:
    """The lines that load a network and give it the picture."""
    return f"""\
model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]"""
