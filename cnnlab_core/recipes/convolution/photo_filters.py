"""The Python of the tab On a photo."""

from collections.abc import Sequence

from cnnlab_core.from_scratch.photo_filters import FULL_COLOUR, pad_by
from cnnlab_core.recipes.opening import picture


def code(
    sample: str | None,
    known: str | None,
    kernel: Sequence[Sequence[float]],
    *,
    grey: bool,
    stride: int,
    padding: str,
    padding_mode: str,
) -> str:
    """The response in a notebook, by this lab and by PyTorch.

    ``sample`` is the picture's name in the gallery, ``known`` the kernel's among the lab's; None for one's own.
    """
    imports = "from cnnlab_core.convolution import KERNELS\n" if known else ""
    weights = f'KERNELS["{known}"].weights' if known else [list(row) for row in kernel]
    (top, bottom), (left, right) = pad_by(padding, kernel)
    mode = {"zeros": "constant"}.get(padding_mode, padding_mode)
    return f"""\
import numpy as np
import torch
import torch.nn.functional as F
{imports}from cnnlab_core.from_scratch.photo_filters import respond, to_planes
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.plots.signed import signed_picture

x = to_planes({picture(sample)}, grey={grey})  # (channels, H, W), 0 to 1
w = {weights}
padding = (({top}, {bottom}), ({left}, {right}))
y = respond(x, w, stride={stride}, padding=padding, padding_mode="{padding_mode}")
drawn = signed_picture(y[0], limit=np.quantile(abs(y), {FULL_COLOUR}))  # drawn.save("response.png")

planes = F.pad(torch.tensor(x)[:, None], ({left}, {right}, {top}, {bottom}), mode="{mode}")
by_torch = F.conv2d(planes, torch.tensor(w, dtype=torch.float64)[None, None], stride={stride})[:, 0]
print(y.shape, "largest difference:", abs(y - by_torch.numpy()).max())
"""
