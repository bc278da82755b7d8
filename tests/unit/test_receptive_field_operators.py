"""A table of operators that is generated: whatever torch offers is tried, and its box is where the gradient is.

An operator is exact (its boxes are the gradient's), sees the whole image and says so, or says that it has no rule.
"""

import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.receptive_field import Box, Window, receptive_fields
from cnnlab_core.receptive_field.rules import RULES

SIZE = (6, 5)
WHOLE = Box(0, 0, SIZE[0] - 1, SIZE[1] - 1)


class Net(nn.Module):
    """A function of a picture, and of some layers."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def last(network, size, **options):
    return list(receptive_fields(network, size, **options).values())[-1]


def first_tensor(value):
    return value if isinstance(value, torch.Tensor) else value[0]


def seen(network, size, channels, units, seeds=3):
    """The box of each unit by the gradient, over a few pictures (a maximum shows one of its inputs at a time)."""
    hit = {unit: torch.zeros(size, dtype=torch.bool) for unit in units}
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand(1, channels, *size, dtype=torch.float64, generator=generator)
        x = (2 * x - 1 if seed % 2 else x).requires_grad_()
        y = first_tensor(network(x))
        y = y.abs() if y.is_complex() else y
        weighted = y * (torch.rand(y.shape, dtype=y.dtype, generator=generator) + 0.5)
        for row, col in units if y.requires_grad else ():
            (gradient,) = torch.autograd.grad(weighted[..., row, col].sum(), x, retain_graph=True)
            hit[row, col] |= gradient[0].abs().sum(0) > 1e-12
    return {unit: box_of(mask) for unit, mask in hit.items()}


def box_of(mask):
    rows, cols = mask.any(1).nonzero().flatten().tolist(), mask.any(0).nonzero().flatten().tolist()
    return Box(rows[0], cols[0], rows[-1], cols[-1]) if rows else None


def positive(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.5, 1.0, generator=torch.Generator().manual_seed(0))
    return network.double().eval()


def corners(height, width):
    return {(row, col) for row in (0, height // 2, height - 1) for col in (0, width // 2, width - 1)}


def assert_exact(network, size, channels=4, seeds=4):
    """The last node's boxes, at corners, edges and in the middle, are where the gradient is."""
    field = last(network, size, channels=channels)
    assert field.known, field.why
    assert field.map_size is not None, field.why
    units = corners(*field.map_size)
    assert {unit: field.box(*unit) for unit in units} == seen(positive(network), size, channels, units, seeds)
    return field


# --- whatever torch offers -----------------------------------------------------------------------------------------

BY_NAME = {
    "kernel_size": 3, "num_features": 4, "num_channels": 4, "num_groups": 2, "groups": 2, "in_channels": 4,
    "out_channels": 2, "padding": 1, "dim": 1, "scale_factor": 2, "upscale_factor": 2, "downscale_factor": 2,
    "normalized_shape": 5, "output_size": (3, 2), "in_features": 5, "out_features": 3, "threshold": 0.1, "value": 0.0,
    "norm_type": 2, "unflattened_size": (2, 2),
}  # fmt: skip
"""Arguments that a layer asks for."""

PICKS = {
    "amax", "amin", "aminmax", "max", "min", "maximum", "minimum", "fmax", "fmin", "median", "nanmedian", "mode",
    "kthvalue", "topk", "clamp_max", "clamp_min", "clamp", "clip", "fmod", "remainder", "copysign", "nextafter",
    "xlogy", "sort", "msort", "quantile", "nanquantile", "kl_div",
    "cummax", "cummin", "MaxPool2d", "MaxPool3d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
}  # fmt: skip
"""What passes on the gradient of some inputs only, so that a few pictures don't show all."""

NO_RULE = {
    "FractionalMaxPool2d", "as_strided", "as_strided_copy", "cdist", "conv2d", "conv_transpose2d", "diag_embed",
    "diagflat", "floor_divide", "glu", "lu", "normal", "nuclear_norm", "pca_lowrank", "pinverse", "poisson",
    "polar", "slice_inverse", "slice_scatter", "svd", "svd_lowrank", "tril", "triu", "grid_sample", "qr", "renorm",
    "cov", "corrcoef", "fractional_max_pool2d", "binary_cross_entropy_with_logits", "complex", "col2im", "fold",
    "pdist", "cholesky",
}  # fmt: skip
"""Nothing else may be without a rule: what a vision network uses is in the table."""


def layers_of_torch():
    for name, kind in vars(nn).items():
        if (
            not (isinstance(kind, type) and issubclass(kind, nn.Module))
            or name.endswith("Loss")
            or name == "Sequential"
        ):
            continue
        needed = [
            parameter.name
            for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]
            if parameter.default is parameter.empty and parameter.kind == parameter.POSITIONAL_OR_KEYWORD
        ]
        options = {"size": 3} if name == "LocalResponseNorm" else {n: BY_NAME[n] for n in needed if n in BY_NAME}
        options = {"scale_factor": 2, "mode": "bilinear"} if name == "Upsample" else options
        options |= {"output_size": (3, 2)} if name == "FractionalMaxPool2d" else {}
        try:
            yield name, kind(**options)
        except (TypeError, ValueError, RuntimeError):
            continue  # it needs more: it isn't for pictures


FORMS = {
    "of x": (lambda f: lambda x: f(x), 0),
    "of x, dim=1": (lambda f: lambda x: f(x, dim=1), 0),
    "of x, dim=2": (lambda f: lambda x: f(x, dim=2), 0),
    "of x and a branch": (lambda f: lambda x, conv: f(x, conv(x)), 1),
    "of a list": (lambda f: lambda x, conv: f([x, conv(x)]), 1),
}


def functions_of(module):
    for name, function in list(vars(module).items()):
        if name.startswith("_") or name.endswith("_") or "loss" in name or not callable(function):
            continue
        if isinstance(function, type) or name in ("compile", "save", "load", "as_tensor", "asarray"):
            continue
        for form, (build, branches) in FORMS.items():
            yield name, form, Net(build(function), *(nn.Conv2d(4, 4, 3, padding=1) for _ in range(branches)))


def takes_pictures(network):
    """Whether the network makes of a picture something that has a gradient by it."""
    try:
        x = (2 * torch.rand(1, 4, *SIZE, dtype=torch.float64) - 1).requires_grad_()
        y = first_tensor(network.double().eval()(x))
        torch.autograd.grad(y.abs().sum(), x)
        return y.ndim > 1
    except Exception:  # whatever torch says of wrong arguments
        return False


def verdict(name, network):
    """``exact``, ``whole``, ``no rule``, or what is wrong."""
    try:
        field = last(network, SIZE, channels=4)
    except InputError as error:
        return "refused" if "Meta tensors" in str(error) or "trace" in str(error) else str(error)
    except IndexError:
        return "constant"  # it gives no tensor that depends on the picture
    if not field.known:
        assert field.why.startswith("no rule for ")
        assert "internal error" not in field.why  # a mistake in a rule
        return "no rule"
    if field.map_size is None:
        return "whole" if field.box(0, 0) == WHOLE else f"{field.why}: {field.box(0, 0)}"
    shape = first_tensor(network.double().eval()(torch.rand(1, 4, *SIZE, dtype=torch.float64))).shape
    if tuple(shape[-2:]) != field.map_size:
        return "exact" if len(shape) > 2 else f"{field.map_size} of {shape}"
    units = corners(*field.map_size)
    boxes, found = {unit: field.box(*unit) for unit in units}, seen(network, SIZE, 4, units)
    if not any(found.values()) or boxes == found:
        return "exact"
    inside = all(box and holds(boxes[unit], box) for unit, box in found.items() if box)
    return "exact" if inside and name in PICKS else f"{boxes} instead of {found}"


def holds(outer, inner):
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and outer.bottom >= inner.bottom
        and outer.right >= inner.right
    )


def count(cases):
    """How many networks came to which verdict; every one must be a known verdict."""
    verdicts, wrong = {}, {}
    for name, form, network in cases:
        if not takes_pictures(network):
            continue
        found = verdict(name, network)
        if found not in ("exact", "whole", "no rule", "refused", "constant") or (
            found == "no rule" and name not in NO_RULE
        ):
            wrong[f"{name} {form}"] = found
        verdicts[found] = verdicts.get(found, 0) + 1
    assert not wrong
    return verdicts


def test_every_layer_of_torch():
    found = count((name, "", layer) for name, layer in layers_of_torch())
    assert found["exact"] >= 65, found
    assert found["whole"] >= 5, found


@pytest.mark.parametrize(("module", "least"), [(torch, 150), (F, 40), (torch.special, 20)])
def test_every_function_of_torch(module, least):
    found = count(functions_of(module))
    assert found["exact"] >= least, found


# --- kinds of operators, with their arguments ----------------------------------------------------------------------

conv = lambda cin=4, cout=4, k=3, **options: nn.Conv2d(cin, cout, k, **({"padding": k // 2} | options))  # noqa: E731


def windows(x, rows, cols):
    """(1, windows, positions, channels): ``rows`` x ``cols`` neighbours in each window."""
    parts = x.view(1, 4, 12 // rows, rows, 10 // cols, cols).permute(0, 2, 4, 3, 5, 1)
    return parts.reshape(1, -1, rows * cols, 4)


def attention(x, rows, cols, grid=False):
    """Self-attention within windows (Swin), or among positions at equal distances (MaxViT's grid)."""
    order = (0, 3, 5, 2, 4, 1) if grid else (0, 2, 4, 3, 5, 1)
    parts = x.view(1, 4, 12 // rows, rows, 10 // cols, cols).permute(order)
    tokens = parts.reshape(parts.shape[1] * parts.shape[2], -1, 4)
    mixed = (tokens @ tokens.transpose(1, 2)).softmax(-1) @ tokens
    back = [order.index(dim) for dim in range(6)]
    return mixed.view(parts.shape).permute(back).reshape(x.shape)


LOCAL = {
    "batch norm by function": (lambda x: F.batch_norm(x, x.new_zeros(4), x.new_ones(4)),),
    "space sliced": (lambda x: x[:, :, ::2, 1:],),
    "cropped": (lambda x: x[..., 2:-2, 1:-3],),
    "rows picked by a list": (lambda x: x[:, :, [0, 2, 5]],),
    "channels picked by a list": (lambda x: x[:, [0, 2]],),
    "narrow": (lambda x: x.narrow(2, 1, 5),),
    "maximum of stacked branches": (lambda x, a, b: torch.stack([a(x), b(x)]).sum(0), conv(), conv(k=5)),
    "maximum of channels": (lambda x, a: a(x).amax(1, keepdim=True) + x.std(1, keepdim=True), conv()),
    "transposed": (lambda x, a: a(x.transpose(2, 3)), conv(k=3, stride=2)),
    "flipped": (lambda x, a: a(x.flip(3)), conv(stride=2)),
    "rolled": (lambda x, a: a(x.roll(2, 2)), conv()),
    "turned": (lambda x: torch.rot90(x, 1, (2, 3)),),
    "circular padding": (lambda x: F.pad(x, (1, 2, 2, 1), mode="circular"),),
    "negative padding": (lambda x: F.pad(x, (-1, 2, -2, 1)),),
    "padding with a value": (lambda x: F.pad(x, (1, 1, 2, 2), value=3.0),),
    "side by side": (lambda x, a: a(torch.cat([x, x], 2)), conv()),
    "half of the channels": (lambda x, a: torch.cat([a(x[:, :2]), x[:, 2:]], 1), conv(2, 2)),
    "what was joined is split": (lambda x, a: torch.cat([a(x), x], 1).chunk(2, 1)[1], conv()),
    "space to depth by views": (lambda x: x.view(1, 4, 6, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 16, 6, 5),),
    "depth to space by views": (lambda x: x.view(1, 1, 2, 2, 12, 10).permute(0, 1, 4, 2, 5, 3).reshape(1, 1, 24, 20),),
    "channels shuffled by views": (lambda x: x.view(1, 2, 2, 12, 10).transpose(1, 2).flatten(1, 2),),
    "mean of windows by views": (lambda x: x.view(1, 4, 6, 2, 5, 2).mean((3, 5)),),
    "linear, channels last": (lambda x, a: a(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), nn.Linear(4, 3)),
    "linear on tokens": (
        lambda x, a: a(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(1, 3, 12, 10), nn.Linear(4, 3)
    ),
    "einsum": (lambda x, a: torch.einsum("nchw,kc->nkhw", x, a.weight), nn.Linear(4, 3)),
    "repeated": (lambda x: x.repeat_interleave(2, 2).repeat(1, 1, 1, 2),),
    "spread": (lambda x, a: a(x).expand(-1, -1, 5, 6), nn.Conv2d(4, 2, (12, 10))),
    "pooling with dilation": (lambda x: F.max_pool2d(x, 2, 1, 0, 2),),
    "pooling by its ceiling": (lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, divisor_override=2),),
    "adaptive pooling": (lambda x: F.adaptive_avg_pool2d(x, (5, 10)),),
    "pooling of all columns": (lambda x: F.adaptive_avg_pool2d(x, (12, 1)),),
    "gate by rows": (lambda x, a: x * a(x.mean(3, keepdim=True)).sigmoid(), nn.Conv2d(4, 4, (3, 1), padding=(1, 0))),
    "softmax over rows": (lambda x: x.softmax(2),),
    "attention along rows": (lambda x: F.scaled_dot_product_attention(*[x[0].permute(1, 2, 0)] * 3).permute(2, 0, 1),),
    "same padding": (lambda x, a: a(x), nn.Conv2d(4, 4, (2, 3), padding="same")),
    "transposed convolution": (lambda x, a: a(x), nn.ConvTranspose2d(4, 2, 3, 2, 1, 1, dilation=2)),
    "convolution over channels": (lambda x, a: a(x[:, None])[:, 0], nn.Conv3d(1, 1, 3, padding=(1, 0, 0))),
    "windows unfolded": (lambda x: x.unfold(2, 3, 2).unfold(3, 2, 1).flatten(4).sum(-1),),
    "chosen where": (lambda x, a: torch.where(x > 0, x, a(x)), conv()),
    "cosine of branches": (lambda x, a: F.cosine_similarity(x, a(x), dim=1), conv()),
    "difference of rows": (lambda x: torch.diff(x, dim=2),),
    "windows laid back": (lambda x: F.fold(F.unfold(x, (3, 2), stride=(2, 1)), (12, 10), (3, 2), stride=(2, 1)),),
    "sum of the rows before": (lambda x, a: a(x).cumsum(2), conv()),
    "product of the rows behind": (lambda x: x.flip(2).cumprod(2).flip(2),),
    "integral image": (lambda x: x.cumsum(2).cumsum(3),),
    "attention in windows": (lambda x: attention(x, 4, 5),),
    "attention in shifted windows": (lambda x: attention(x.roll((-2, -2), (2, 3)), 4, 5).roll((2, 2), (2, 3)),),
    "windows, then shifted windows": (
        lambda x, a: attention(a(attention(x, 4, 5)).roll((-2, -2), (2, 3)), 4, 5).roll((2, 2), (2, 3)), conv(k=1)
    ),
    "attention on a grid": (lambda x: attention(x, 3, 2, grid=True),),
    "attention among neighbours": (
        lambda x: (F.unfold(x, 3, padding=1).view(1, 4, 9, 12, 10) * x[:, :, None]).sum(1).softmax(1),
    ),
    "patches by a linear layer": (
        lambda x, a: a(windows(x, 4, 5).flatten(2)).view(1, 3, 2, 6).permute(0, 3, 1, 2), nn.Linear(80, 6)
    ),
    "linear along columns": (lambda x, a: a(x), nn.Linear(10, 10)),
    "linear along columns and channels": (
        lambda x, a: a(x.permute(0, 2, 1, 3).flatten(2)).view(1, 12, 4, 10).permute(0, 2, 1, 3), nn.Linear(40, 40)
    ),
    "rows gathered": (lambda x: x.gather(2, torch.tensor([3, 1, 2]).view(1, 1, 3, 1).expand(1, 4, 3, 10)),),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCAL)
def test_local_operators_have_exact_boxes(name):
    function, *layers = LOCAL[name]
    network = Net(function, *layers)
    field = last(network, (12, 10), channels=4)
    shape = first_tensor(positive(network)(torch.zeros(1, 4, 12, 10, dtype=torch.float64))).shape
    if tuple(shape[-2:]) == field.map_size:
        assert_exact(network, (12, 10), seeds=8)
    else:  # channels last
        assert_exact(Net(lambda x, inner: inner(x).movedim(-1, 1), network), (12, 10), seeds=8)


class Masked(nn.Module):
    """A function of a picture and of a mask that is a buffer."""

    def __init__(self, function, mask):
        super().__init__()
        self.function = function
        self.register_buffer("mask", mask)

    def forward(self, x):
        return self.function(x, self.mask)


def along_rows(x, weights):
    """Attention among the positions of each column, with weights made of the scores."""
    tokens = x[0].permute(2, 1, 0)
    return (weights(tokens @ tokens.transpose(1, 2)) @ tokens).permute(2, 1, 0)[None]


def masked_in_place(scores, mask):
    scores.masked_fill_(mask == 0, -1e9)
    return F.dropout(scores.softmax(-1), 0.1, False).clone()


BEFORE, SHUT = torch.ones(12, 12).tril(), float("-inf")
TOP = torch.arange(12).view(12, 1).expand(12, 10) < 4
sdpa = lambda x, **options: F.scaled_dot_product_attention(*[x[0].permute(2, 1, 0)] * 3, **options).permute(2, 1, 0)  # noqa: E731
MASKED = {
    "causal attention": Net(lambda x: sdpa(x, is_causal=True)),
    "attention with a mask": Masked(lambda x, mask: sdpa(x, attn_mask=mask), BEFORE.bool()),
    "attention with a mask of numbers": Masked(
        lambda x, mask: sdpa(x, attn_mask=mask), torch.zeros(12, 12).masked_fill(BEFORE == 0, SHUT)
    ),
    "scores filled": Masked(
        lambda x, mask: along_rows(x, lambda s: s.masked_fill(mask == 0, SHUT).softmax(-1)), BEFORE.triu(-2)
    ),
    "scores filled in place": Masked(lambda x, mask: along_rows(x, lambda s: masked_in_place(s, mask)), BEFORE),
    "a mask made in forward": Net(
        lambda x: along_rows(x, lambda s: s.masked_fill(x.new_ones(12, 12).tril() == 0, SHUT).softmax(-1))
    ),
    "weights times a mask": Masked(lambda x, mask: along_rows(x, lambda s: s * mask), BEFORE),
    "pixels filled": Masked(lambda x, mask: F.avg_pool2d(x.masked_fill(mask, 0.0), 3, 1, 1), TOP),
    "pixels times a mask": Masked(lambda x, mask: F.avg_pool2d(x.clone().mul_(mask), 3, 1, 1), TOP),
    "pixels chosen by a mask": Masked(lambda x, mask: torch.where(mask, x, F.avg_pool2d(x, 3, 1, 1)).abs(), TOP),
}  # fmt: skip


@pytest.mark.parametrize("name", MASKED)
def test_what_constant_masks_hide_is_not_read(name):
    assert_exact(MASKED[name], (12, 10), seeds=8)


def test_masks_of_the_network_stay_as_they_are():
    network = Masked(lambda x, mask: x * mask.mul_(2), TOP.float())
    assert last(network, (12, 10), channels=4).known
    assert torch.equal(network.mask, TOP.float())


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize(
    "options",
    [{"scale_factor": 2}, {"scale_factor": 1.5}, {"size": (7, 23)}, {"scale_factor": (0.5, 0.7)},
     {"scale_factor": 1.7, "recompute_scale_factor": True}],
    ids=str,
)  # fmt: skip
def test_interpolation_of_every_mode(mode, options):
    for corners_aligned in (None, True) if mode in ("bilinear", "bicubic") else (None,):
        assert_exact(Net(lambda x: F.interpolate(x, mode=mode, align_corners=corners_aligned, **options)), (12, 10))  # noqa: B023
    if mode in ("bilinear", "bicubic"):
        assert_exact(Net(lambda x: F.interpolate(x, size=(7, 15), mode=mode, antialias=True)), (12, 10))


def test_what_sees_everything_says_why():
    for layer, why in {
        nn.BatchNorm2d(4, track_running_stats=False): "the statistics over positions",
        nn.InstanceNorm2d(4): "the statistics over positions",
        nn.GroupNorm(2, 4): "normalisation over positions",
        nn.LayerNorm([4, *SIZE]): "normalisation over positions",
        nn.AdaptiveAvgPool2d(1): "global pooling",
    }.items():
        field = last(nn.Sequential(conv(3), layer), SIZE)
        assert (field.why, field.size, field.known, field.box(0, 0)) == (why, None, True, WHOLE)
    cropped = last(Net(lambda x: x[:, :, 1:-1].mean((2, 3), keepdim=True)), SIZE, channels=3)
    assert cropped.box(0, 0) == Box(1, 0, 4, 4)


# --- the inputs that were complained about -------------------------------------------------------------------------


def test_arguments_are_read_wherever_they_stand():
    for pool in (
        lambda x: torch.max_pool2d(x, 3, 1, 1, 2),
        lambda x: F.max_pool2d(x, kernel_size=3, dilation=2, padding=1, stride=1),
        nn.MaxPool2d(3, 1, 1, 2),
    ):
        field = last(nn.Sequential(nn.Conv2d(1, 1, 1), Net(pool)), (16, 16))
        assert (field.size, field.box(0, 0), field.box(0, 7)) == ((5, 5), Box(1, 1, 3, 3), Box(1, 6, 3, 10))


def test_alexnet_with_local_response_norm():
    layers = [nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)]
    fields = receptive_fields(nn.Sequential(*layers, nn.Conv2d(96, 256, 5, padding=2)), 227)
    assert [fields[name].size for name in "01234"] == [(11, 11)] * 3 + [(19, 19), (51, 51)]


class OptionA(nn.Module):
    """A block of akamaster's ResNet for CIFAR: the shortcut is every other pixel, with channels of zeros."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.more, self.relu = cout // 4 if stride > 1 else 0, nn.ReLU()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more)) if self.more else x))


def test_resnet_20_with_option_a():
    network = nn.Sequential()
    network.add_module("stem", nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU()))
    network.add_module("layer1", nn.Sequential(*(OptionA(16, 16, 1) for _ in range(3))))
    network.add_module(
        "layer2", nn.Sequential(*(OptionA(16 if i == 0 else 32, 32, 2 if i == 0 else 1) for i in range(3)))
    )
    field = receptive_fields(network, (48, 48))["layer2.0.relu_1"]
    assert (field.size, field.box(0, 12)) == ((21, 21), Box(0, 14, 10, 34))


def test_unet_with_bilinear_interpolation():
    def forward(x, down, up):
        return up(torch.cat([F.interpolate(down(x), scale_factor=2, mode="bilinear"), x], 1))

    network = Net(forward, nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(2, 1, 3, padding=1))
    field = assert_exact(network, (32, 32), channels=1)
    assert (field.box(0, 0), field.box(0, 16)) == (Box(0, 0, 3, 3), Box(0, 13, 3, 19))
    odd = Net(lambda x, down: F.interpolate(down(x), size=x.shape[2:], mode="bilinear") + x, nn.Conv2d(1, 1, 3, 2, 1))
    assert "pixels apart" in assert_exact(odd, (15, 15), channels=1).why


def test_what_has_no_rule_says_so_and_gets_one_by_argument():
    class Warp(nn.Module):
        def forward(self, x):
            return F.grid_sample(x, x.new_zeros(1, 14, 14, 2))

    network = nn.Sequential(nn.Conv2d(3, 4, 3), Warp(), nn.Conv2d(4, 4, 3))
    field = last(network, 16)
    assert field.why == "no rule for grid_sample (grid_sampler_2d, which reads where its grid points)"
    assert (field.size, field.map_size, field.known) == (None, None, False)
    with pytest.raises(InputError, match=r"no rule for grid_sample.*rules="):
        field.box(0, 0)
    fields = receptive_fields(network, 16, rules={Warp: lambda layer, x: (Window(5, before=2), Window(3, before=1))})
    assert (fields["1"].size, fields["2"].size, fields["2"].start) == ((7, 5), (9, 7), (-2, -1))
    whole = receptive_fields(network, 16, rules={F.grid_sample: lambda *args, **options: None})
    assert whole["2"].why == "grid_sample over positions"
    assert last(network, 16).why.startswith("no rule")  # a rule counts for one call


def test_what_a_grid_decides_is_the_whole_picture():
    def forward(x, where):
        theta = where(x.mean((2, 3))).view(1, 2, 3)
        return F.grid_sample(x, F.affine_grid(theta, [1, 4, 5, 5], align_corners=False), align_corners=False)

    field = last(Net(forward, nn.Linear(4, 6)), SIZE, channels=4)
    assert (field.why, field.known, field.box(0, 0)) == ("it reads where its grid points", True, WHOLE)


def test_rules_of_ones_own_and_their_mistakes_are_sentences():
    for rule, words in {
        lambda layer, x: Window(3): "two windows",
        lambda layer, x: (Window(3), 3): "two windows",
        lambda layer, x: x.nothing: r"Your rule for ReLU fails .*nothing",
    }.items():
        with pytest.raises(InputError, match=words):
            receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), 16, rules={nn.ReLU: rule})
    with pytest.raises(InputError, match="kernel"):
        Window(0)


def test_a_mistake_in_a_rule_is_told_as_such(monkeypatch):
    monkeypatch.setitem(RULES, "convolution", lambda flow, call: 1 / 0)
    assert "internal error, ZeroDivisionError" in last(nn.Sequential(nn.Conv2d(3, 4, 3)), 16).why


def test_writing_into_a_tensor_changes_what_reads_it():
    def written(x, a):
        y = a(x)
        y.add_(x)
        y += a(y)
        F.relu(y, inplace=True)
        y[:, :, 2:].mul_(2)
        return y.abs()

    field = last(Net(written, conv()), (8, 8), channels=4)
    assert (field.size, field.box(0, 0), field.box(4, 4)) == ((5, 5), Box(0, 0, 2, 2), Box(2, 2, 6, 6))
    halves = last(Net(lambda x, a: [y := a(x), y[:, :, :4].copy_(x[:, :, 4:])][0].abs(), conv()), (8, 8), channels=4)
    assert (halves.box(1, 1), halves.box(5, 1)) == (Box(5, 1, 5, 1), Box(4, 0, 6, 2))


def test_networks_that_cannot_be_followed_are_sentences():
    conv1 = nn.Conv2d(3, 3, 3)
    for network, words in {
        Net(lambda x: x if x.sum() > 0 else -x): "only when it runs",
        Net(lambda x: nn.Conv2d(3, 4, 3)(x)): "made inside forward.*__init__",
        Net(lambda x: x.undefined()): "undefined",
        nn.Sequential(nn.LazyConv2d(4, 3)): "lazy layers",
        Net(lambda x, a: a(x).view(1, 5, 5, 5), conv1): "doesn't take pictures of 16 × 16",
    }.items():
        with pytest.raises(InputError, match=words):
            receptive_fields(network, 16)
    for size in (0, (3, 4, 5), "224", None, (2.5, 3)):
        with pytest.raises(InputError, match="input_size"):
            receptive_fields(conv1, size)
    with pytest.raises(InputError, match="channels"):
        receptive_fields(conv1, 16, channels=0)


def test_what_used_to_be_raw_exceptions():
    assert last(nn.Sequential(nn.Conv2d(3, 4, 3)), 16).map_size == (14, 14)
    assert last(nn.Sequential(nn.Conv2d(3, 4, 3)).double(), (16, 16)).size == (3, 3)
    assert last(nn.Sequential(nn.Conv2d(3, 4, 3)).half(), (16, 16)).size == (3, 3)
    with pytest.warns(FutureWarning, match="weight_norm"):
        old = nn.utils.weight_norm(nn.Conv2d(3, 4, 3))
    assert last(nn.Sequential(old), (16, 16)).size == (3, 3)
    new = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    assert last(nn.Sequential(new), (16, 16)).size == (3, 3)


def test_the_number_of_channels_is_found_or_asked_for():
    class Defined(nn.Module):
        def __init__(self):
            super().__init__()
            self.late, self.early = nn.Conv2d(7, 2, 3), nn.Conv2d(3, 7, 3)

        def forward(self, x):
            return self.late(self.early(x))

    assert last(Defined(), 16).size == (5, 5)
    unshuffled = Net(lambda x, first: first(F.pixel_unshuffle(x, 2)), nn.Conv2d(12, 4, 3))
    assert (last(unshuffled, 16).size, last(unshuffled, 16).jump) == ((6, 6), (2, 2))
    odd = Net(lambda x, first: first(x[:, :5]), nn.Conv2d(5, 4, 3))
    assert last(odd, 16).size == (3, 3)
    eleven = Net(lambda x, first: first(torch.cat([x, x[:, :1]], 1) * x.new_ones(1, 12, 1, 1)), nn.Conv2d(12, 4, 3))
    with pytest.raises(InputError, match="channels="):
        receptive_fields(eleven, 16)
    assert last(eleven, 16, channels=11).size == (3, 3)
