"""Draws what came with the lab: the default network's atlas, what each of its blocks draws, and what each preset does.

python assets/atlas/make.py        (pictures that are there stay; an hour on one slow core, minutes on two fast ones)
"""

import io

from PIL import Image

from cnnlab_core.dream import atlas as atlas_module
from cnnlab_core.dream import dream, layer, visualise
from cnnlab_core.dream.atlas import SHIPPED, atlas
from cnnlab_core.dream.layers import blocks
from cnnlab_core.images import open_image, sample_images, shrunk, to_picture, to_tensor
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.zoo import DEFAULT_MODEL
from cnnlab_core.ui.deepdream.layer import block_at
from cnnlab_core.ui.deepdream.settings import PRESETS, preset_settings

SIDE, SMALL = 96, 72
"""Pixels of a picture of a block, drawn and kept; a preset's is twice as wide."""


def save(picture: Image.Image, size: tuple[int, int], name: str) -> None:
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(file, "WEBP", quality=80, method=6)
    (SHIPPED / DEFAULT_MODEL / f"{name}.webp").write_bytes(file.getvalue())
    print(name, len(file.getvalue()), flush=True)


def main() -> None:
    spec, model = find_spec(DEFAULT_MODEL), load_model(DEFAULT_MODEL)
    atlas_module._write = lambda file, content: (SHIPPED / DEFAULT_MODEL / file.name).write_bytes(content)
    missing = lambda name: not (SHIPPED / DEFAULT_MODEL / f"{name}.webp").is_file()  # noqa: E731
    for end in blocks(spec):
        if missing(end.name):
            found = visualise(model, layer(end.name), size=SIDE, steps=40, learning_rate=0.07, generator=0)
            save(to_picture(found.image), (SMALL, SMALL), end.name)
    photo = to_tensor(shrunk(open_image(sample_images()["chelsea"].content), 240))
    for preset in PRESETS:
        if missing(preset.name):
            settings = preset_settings(preset, block_at(spec, preset.depth))
            found = dream(model, photo, layer(settings.node), generator=settings.seed, **settings.arguments)
            save(to_picture(found.image), (2 * SMALL, SMALL * 2 * 2 // 3), preset.name)
    atlas(model)


if __name__ == "__main__":
    main()
