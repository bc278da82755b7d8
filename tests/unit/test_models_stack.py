"""Stacks of one's own: the short text, the checks, and the fields, against arithmetic and torch itself."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.models.stack import (
    KINDS,
    MOST_ROWS,
    WINDOWS,
    Row,
    build_layers,
    map_sides,
    read_stack,
    write_stack,
)
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.receptive_field.stack import PRESETS, stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, growth_formulas
from cnnlab_core.recipes.receptive_fields import stack as recipe
from cnnlab_core.training.nets import check_stack

SMALL = st.builds(
    Row, st.sampled_from(list(WINDOWS)), st.integers(0, 9), st.integers(0, 4), st.integers(0, 5), st.integers(0, 4)
)
ANY = st.one_of(
    st.builds(Row, st.sampled_from(KINDS[len(WINDOWS) :])),
    SMALL,
    st.builds(Row, st.just("convolution"), st.integers(1, 9), st.integers(1, 3), filters=st.integers(1, 2000)),
)


@given(st.lists(ANY, max_size=MOST_ROWS))
def test_the_text_is_read_as_it_was_written(rows):
    assert read_stack(write_stack(rows)) == tuple(rows)


def test_texts_of_old_addresses_and_old_runs_mean_what_they_meant():
    """Both languages that the lab once had: for receptive fields, without filters; for networks, with them."""
    assert read_stack("c11s4p0, m3s2,a2d2") == (
        Row("convolution", kernel=11, stride=4),
        Row("max pool", kernel=3, stride=2),
        Row("average pool", kernel=2, dilation=2),
    )
    assert read_stack("c64k11p5,norm,relu,m2s2") == (
        Row("convolution", kernel=11, padding=5, filters=64),
        Row("norm"),
        Row("relu"),
        Row("max pool", kernel=2, stride=2),
    )


def test_a_stack_for_grey_pictures_begins_with_their_mean():
    rows = read_stack("grey,c4k3p1,norm,relu")
    network = build_layers(rows).eval()
    x = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(network.grey1(x), x.mean(1, keepdim=True))
    assert network.conv1.weight.shape == (4, 1, 3, 3)
    assert torch.allclose(network(x), network[1:](x.mean(1, keepdim=True)))
    assert receptive_fields(network, input_size=(9, 9))["relu1"].size == (3, 3)
    check_stack(rows, 9)
    with pytest.raises(InputError, match="Row 2 is grey, but only the first"):
        map_sides(read_stack("c4k3,grey"), 9)


def test_fields_are_those_of_the_windows_whatever_is_between_them():
    """Filters, normalisation and activations change no field, and a text with them opens in either table."""
    whole = stack_fields(read_stack("c64k11s4,norm,relu,m3s2,gelu,c128k5p2,tanh,sigmoid"), 227)
    bare = stack_fields(read_stack("c11s4,m3s2,c5p2"), 227)
    seen = [(field.size, field.jump, field.start) for field in whole]
    assert [seen[at] for at in (0, 3, 5)] == [(field.size, field.jump, field.start) for field in bare]
    assert seen[2] == seen[1] == seen[0]
    assert seen[7] == seen[5]


@given(st.one_of(st.text(), st.from_regex(r"([cmak][0-9]{0,3}([kspd][0-9]{0,5})*,?){0,6}", fullmatch=True)))
def test_no_text_gives_anything_but_a_sentence(text):
    try:
        rows = read_stack(text)
        stack_fields(rows, 32)
        assert len(map_sides(rows, 32)) == len(rows)
    except InputError as problem:
        assert str(problem).endswith(".")


@given(st.lists(SMALL, max_size=6), st.integers(0, 40))
def test_a_stack_has_fields_just_when_torch_can_run_it(rows, side):
    """What torch takes has its map sizes and the recurrence's fields; what it refuses is a sentence with the row."""
    try:
        x, sizes = torch.zeros(1, 1, side, side), []
        for row in rows:
            x = _run(row, x)
            sizes.append(x.shape[2])
        possible = bool(rows) and side > 0
    except (RuntimeError, ValueError):
        possible = False
    if not possible:
        with pytest.raises(InputError, match=r"[Rr]ow|input"):
            stack_fields(rows, side)
        return
    fields = stack_fields(rows, side)
    size, jump, start = 1, 1, 0
    for row, field, length in zip(rows, fields, sizes, strict=True):
        size, start, jump = size + row.dilation * (row.kernel - 1) * jump, start - row.padding * jump, jump * row.stride
        assert field.map_size == (length, length)
        assert (field.size, field.jump, field.start) == ((size, size), (jump, jump), (start, start))


def _run(row, x):
    if row.kind == "convolution":
        return F.conv2d(x, torch.ones(1, 1, row.kernel, row.kernel), None, row.stride, row.padding, row.dilation)
    if min(row.stride, row.dilation) < 1:  # a pooling stride of 0 means the kernel; here it is refused
        raise ValueError
    if row.kind == "max pool":
        return F.max_pool2d(x, row.kernel, row.stride, row.padding, row.dilation)
    if row.dilation != 1:
        raise ValueError
    return F.avg_pool2d(x, row.kernel, row.stride, row.padding)


@pytest.mark.parametrize(
    ("text", "side", "says"),
    [
        ("c3,m2s2,c9", 16, r"Row 3 \(convolution of 9\).*spans 9.*7 wide.*kernel at most 7"),
        ("c3d9", 16, r"Row 1.*spans 19.*dilation at most 7"),
        ("c3,m3p2", 16, r"Row 2.*padding is 2.*1\."),
        ("a2d2", 16, "average pool has no dilation"),
        ("c0", 16, "kernel is 0. Make it 1 to 64"),
        ("c99", 128, "kernel is 99"),
        ("c3s0", 16, "stride is 0"),
        ("", 16, "1 to 40 rows"),
        ("c3", 0, "1 to 1024 pixels"),
        ("x3", 16, "Row 1 of the stack reads “x3”"),
        (",".join(["c1"] * 41), 16, "1 to 40 rows"),
        (",".join(["relu"] * 41), 16, "1 to 40 rows"),
        ("c1," * 700, 16, "at most 2000 characters"),
    ],
)
def test_an_impossible_stack_says_what_to_change(text, side, says):
    with pytest.raises(InputError, match=says):
        stack_fields(read_stack(text), side)


def test_alexnet_as_in_the_paper_and_as_in_torchvision():
    """conv1 to conv3 by hand: size 11, 51, 99; the middle units' boxes; torchvision's begin 2 pixels earlier."""
    for name, shift, boxes in (
        ("AlexNet 2012", 0, [(108, 118), (88, 138), (64, 162)]),
        ("AlexNet torchvision", -2, [(106, 116), (86, 136), (62, 160)]),
    ):
        fields = {field.name: field for field in stack_fields(read_stack(PRESETS[name].text), PRESETS[name].side)}
        for layer, length, size, jump, start, (first, last) in zip(
            ("conv1", "conv2", "conv3"), (55, 27, 13), (11, 51, 99), (4, 8, 16), (0, -16, -32), boxes, strict=True
        ):
            field = fields[layer]
            assert field.map_size == (length, length)
            assert (field.size[0], field.jump[0], field.start[0]) == (size, jump, start + shift)
            assert field.box(length // 2, length // 2) == (first, first, last, last)
            assert rf"= {first} \\" in box_formula(field, length // 2)
        name, formula = growth_formulas(fields["conv3"])[-1]
        assert name == "conv3"
        assert r"67 + (3 - 1) \cdot 16 = 99" in formula
        assert rf"{-16 + shift} - 1 \cdot 16 = {-32 + shift}" in formula


def test_presets_say_what_is_true():
    sizes = {name: stack_fields(read_stack(preset.text), preset.side)[-1].size[0] for name, preset in PRESETS.items()}
    assert sizes["Three 3 × 3"] == sizes["One 7 × 7"] == 7
    assert sizes["Dilated"] == 63
    assert sizes["VGG-16 front"] == 44
    assert all(write_stack(read_stack(preset.text)) == preset.text for preset in PRESETS.values())


def test_the_code_on_the_page_gives_the_fields_on_the_page(capsys):
    scope = {}
    exec(recipe.code("c3p1,m2s2", 32), scope)
    assert [field.size[0] for field in scope["fields"]] == [3, 4]
    assert "pool1 (16, 16) (4, 4) (2, 2) (-1, -1)" in capsys.readouterr().out
