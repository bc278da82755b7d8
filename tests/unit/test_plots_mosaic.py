"""Mosaics, and the figure of three depths."""

import numpy as np
from PIL import Image

from cnnlab_core.plots.depths import Row, in_lines, rows_of_maps
from cnnlab_core.plots.mosaic import CLEAR, colour, in_a_square, mosaic, side_by_side, tiles

rng = np.random.default_rng(0)


def test_tiles_lie_where_the_mosaic_says_and_the_rest_is_clear():
    maps = rng.uniform(size=(5, 8, 8))
    made = mosaic(maps, cols=3, tile=16)
    pixels = np.asarray(made.picture)
    step = made.size + made.gap
    assert pixels.shape == (made.rows * step - made.gap, made.cols * step - made.gap, 4)
    for index, values in enumerate(maps):
        top, left = index // 3 * step, index % 3 * step
        corner = pixels[top : top + made.size : 2, left : left + made.size : 2, :3]
        assert np.array_equal(corner, colour(values, signed=False))
    assert (pixels[-made.size :, -made.size :] == CLEAR).all()
    assert pixels[0, made.size].tolist() == [128, 128, 128, 255]


def test_two_mosaics_can_share_their_colours():
    maps = rng.uniform(size=(2, 4, 4))
    assert mosaic(maps, signed=True).picture.tobytes() != mosaic(maps).picture.tobytes()
    assert (
        mosaic(maps, signed=True).picture.tobytes()
        == mosaic(np.concatenate([maps, -maps]), cols=2)
        .picture.crop((0, 0, *mosaic(maps, signed=True).picture.size))
        .tobytes()
    )


def test_beside_and_in_a_square():
    one, two = Image.new("RGB", (10, 20), "red"), Image.new("RGBA", (30, 20))
    both = side_by_side([one, two], gap=5)
    assert both.size == (45, 20)
    assert (both.getpixel((0, 0)), both.getpixel((20, 10))) == ((255, 0, 0), (255, 255, 255))
    fitted = in_a_square(one, 40)
    assert (fitted.size, fitted.getpixel((0, 0))[3], fitted.getpixel((20, 0))) == ((40, 40), 0, (255, 0, 0, 255))


def test_the_figure_holds_each_map():
    maps = rng.uniform(size=(5, 7, 7))
    rows = [Row(f"Row {i}: 5 × 7 × 7", maps, [f"channel {c}" for c in range(5)], signed=False) for i in range(3)]
    figure = rows_of_maps(rows, ink="white", paper="black")
    assert figure.size == rows_of_maps(rows).size
    colours = {pixel for _, pixel in figure.getcolors(1 << 24)}
    assert {tuple(pixel) for pixel in colour(maps, signed=False).reshape(-1, 3).tolist()} <= colours


def test_titles_beside_make_a_lower_figure_and_lines_a_narrower_one():
    maps = rng.uniform(size=(5, 7, 7))
    rows = [Row(name, maps, list("abcde"), signed=False) for name in ("Saliency", "Grad-CAM")]
    above, beside = rows_of_maps(rows), rows_of_maps(rows, beside=True)
    assert beside.height < above.height
    assert beside.width > above.width
    lines = in_lines(rows, 3)
    assert [(row.title, len(row.scaled), "".join(row.notes)) for row in lines] == [
        ("Saliency", 3, "abc"), ("", 2, "de"), ("Grad-CAM", 3, "abc"), ("", 2, "de"),
    ]  # fmt: skip
    assert rows_of_maps(lines).width < above.width


def test_one_tile_is_one_tile():
    assert tiles(np.zeros((1, 3, 3, 3), np.uint8), cols=1, tile=9).picture.size == (9, 9)
