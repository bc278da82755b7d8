"""Pictures: from bytes to safe RGB, between pictures and tensors, and the sample gallery."""

from cnnlab_core.images.display import jpeg, label_picture, png, shrunk, square, thumbnail, webp
from cnnlab_core.images.opening import open_apart, open_apart_steps, open_image
from cnnlab_core.images.samples import Sample, sample_images
from cnnlab_core.images.tensors import check_pixels, in_eight_bits, to_picture, to_tensor, to_uint8

__all__ = [
    "Sample",
    "check_pixels",
    "in_eight_bits",
    "jpeg",
    "label_picture",
    "open_apart",
    "open_apart_steps",
    "open_image",
    "png",
    "sample_images",
    "shrunk",
    "square",
    "thumbnail",
    "to_picture",
    "to_tensor",
    "to_uint8",
    "webp",
]
