"""Known kernels do what they say, and examples come out as in the textbook."""

import numpy as np
import pytest

from cnnlab_core import convolution as cv


@pytest.mark.parametrize("name", cv.KERNELS)
def test_kernels_do_what_they_say(name: str) -> None:
    flat, ramp = np.ones((5, 5)), np.tile(np.arange(5.0), (5, 1))
    response = cv.conv2d(flat, cv.KERNELS[name].weights)
    expected = {"sobel_x": 0, "sobel_y": 0, "laplacian": 0}.get(name, 1)
    np.testing.assert_allclose(response, expected, atol=1e-12)
    if name.startswith("sobel"):
        assert (cv.conv2d(ramp, cv.KERNELS[name].weights) > 0).all() == (name == "sobel_x")
        assert (cv.conv2d(ramp.T, cv.KERNELS[name].weights) > 0).all() == (name == "sobel_y")


def test_random_kernels_keep_their_seed() -> None:
    assert cv.random_kernel(3, (2, 2)).tolist() == cv.random_kernel(3, (2, 2)).tolist()
    assert cv.random_kernel(3).shape == (3, 3)
    assert cv.random_kernel(3).tolist() != cv.random_kernel(4).tolist()


def test_examples_come_out_as_in_the_textbook() -> None:
    results = {
        name: getattr(cv, example.operation)(**example.givens, **example.options)
        for name, example in cv.EXAMPLES.items()
    }
    assert results["signal"].tolist() == [-2, 1, 2, -4]
    assert results["two_filters"].shape == (2, 3, 3)
    assert results["two_filters"][:, 0, 0].tolist() == [0, 3]
    assert results["tall_kernel"].shape == (1, 4)
    assert results["pool_signal"].tolist() == [5, 5, 4, 4]
    assert results["pool_stride_1"].tolist() == [[4, 3, 2], [4, 5, 5], [2, 5, 5]]
