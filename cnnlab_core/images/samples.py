"""The sample gallery: photos that arrive with the installed packages, so it needs no network."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cnnlab_core.errors import ImageError


@dataclass(frozen=True)
class Sample:
    """A sample photo: ``name`` is its key in links, ``title`` what people read."""

    name: str
    title: str
    credit: str
    licence: str
    package: str
    file: str

    @property
    def path(self) -> Path:
        """Where the file lies. Raises ``ImageError`` if its package isn't installed."""
        spec = find_spec(self.package)  # finds the folder without importing the package
        if spec is None or spec.origin is None:
            raise ImageError(f"The sample “{self.title}” comes with {self.package}. Install requirements.txt first.")
        return Path(spec.origin).parent / self.file

    @property
    def content(self) -> bytes:
        """The file's bytes, as an upload would bring them."""
        return self.path.read_bytes()


_CC0 = "CC0 (public domain)"

_GALLERY = (
    Sample("chelsea", "Chelsea the cat", "Stéfan van der Walt", _CC0, "skimage", "data/chelsea.png"),
    Sample("coffee", "A cup of coffee", "Rachel Michetti, Pikolo Espresso Bar", _CC0, "skimage", "data/coffee.png"),
    Sample("rocket", "A rocket", "SpaceX", _CC0, "skimage", "data/rocket.jpg"),
    Sample("astronaut", "An astronaut", "NASA (Eileen Collins)", "Public domain", "skimage", "data/astronaut.png"),
    Sample(
        "motorcycle", "A motorcycle", "D. Scharstein and others, Middlebury stereo benchmark 2014",
        "Comes with scikit-image", "skimage", "data/motorcycle_left.png",
    ),
    Sample(
        "grace_hopper", "Grace Hopper", "James S. Davis, US Navy", "Public domain",
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg",
    ),
    Sample("brick", "A brick wall", "CC0Textures.com", _CC0, "skimage", "data/brick.png"),
    Sample("clock", "A moving clock", "Stéfan van der Walt", _CC0, "skimage", "data/clock_motion.png"),
)  # fmt: skip


@cache
def sample_images() -> dict[str, Sample]:
    """The gallery by name, in the order shown; the first is the one that pages open with."""
    return {sample.name: sample for sample in _GALLERY}
