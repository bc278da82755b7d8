"""How every recipe begins: the imports, and the picture."""

IMPORTS = """\
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model"""


def picture(sample: str | None) -> str:
    """The expression that opens a picture: ``sample`` of the gallery; None stands for a file of your own."""
    return f'open_image(sample_images()["{sample}"].content)' if sample else 'open_image("photo.jpg")'
