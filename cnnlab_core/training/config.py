# ruff: noqa: RUF009  (a setting is a dataclass field)
"""What a run is to do, as data: everything that decides its result, checked before anything starts. Needs no torch."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cnnlab_core.errors import InputError
from cnnlab_core.training.settings import Kind, Option, Setting, describe, kind_of, setting

Net = Literal[
    "homework", "homework_bn", "deeper", "airbench", "glass_digits", "glass_cifar10", "stack", "rnn", "gru", "lstm"
]
Init = Literal["he", "xavier", "orthogonal", "dirac", "small", "zeros"]
Optimizer = Literal["adamw", "sgd", "muon"]
Schedule = Literal["one-cycle", "constant", "linear"]
Labels = Literal["true", "random"]
Attack = Literal["none", "fgsm", "pgd"]
Collapse = Literal["go on", "pgd", "stop"]
Views = Literal["one", "mirror", "shift"]
Precision = Literal["auto", "float32", "bfloat16"]

DATA = ("cifar10", "shapes", "digits", "marked_shapes", "names")
"""The data sets that come with the lab; others are called ``own:`` or, if they are text, ``text:`` and their name."""
_OWN = re.compile(r"(own|text):[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_ATTACKED = {"attack": ("fgsm", "pgd")}


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one run. Two runs with equal configs on one machine end with the same bytes.

    Each is described where it stands; the order is that of the form and the tables. A new one needs an entry here, and
    the line of the trainer that uses it.
    """

    # fmt: off
    data: str = setting("cifar10", "data set", "What the network learns.", group="data", preset=False, wide=True)
    limit: int = setting(
        0, "training pictures", "Train on this many pictures only.", group="data", of="pictures",
        high=10_000_000, step=1000, typed=True, zero="all",
    )
    validation: float = setting(
        0.1, "share held out",
        "The share of the training data that is held out, to see how the network does on new ones, and to choose the "
        "best epoch's weights. Without any, the last weights are tested.", group="data",
        high=0.5, step=0.01, zero="none",
    )
    crop: int = setting(
        4, "shift in pixels", "Each picture is shifted by up to this many pixels, differently each time.", group="data",
        of="pictures", high=16,
    )
    flip: bool = setting(
        True, "mirroring", "A coin decides for each picture, anew in each epoch, whether it is mirrored.", group="data",
        of="pictures",
    )

    labels: Labels = setting(
        "true", "labels", "What a training picture is said to be. Held-out and test pictures keep their true labels.",
        group="data", of="pictures",
        options={
            "true": Option("true labels", "As they are in the data set."),
            "random": Option(
                "random labels",
                "Each is drawn at random, once: there is nothing to understand, only to learn by heart "
                "(Zhang et al. 2017, arXiv:1611.03530).",
            ),
        },
    )

    net: Net = setting(
        "homework_bn", "network", "What is trained.", group="network", paces=True,
        options={
            "homework": Option(
                "homework",
                "64 filters of 11 × 11, ReLU, max pooling, two layers of 128 filters of 3 × 3, and an average.",
                of="pictures",
            ),
            "homework_bn": Option(
                "homework with batch norm",
                "The same with batch normalisation after each convolution: it learns much faster.",
                of="pictures",
            ),
            "deeper": Option(
                "deeper (residual)",
                "A small residual network with 3.6 million weights: the best of the lab's networks, and the slowest.",
                of="pictures",
            ),
            "airbench": Option(
                "airbench",
                "Keller Jordan's network for CIFAR-10 (2024, arXiv:2404.00498): a layer of 2 × 2, six convolutions of "
                "3 × 3 with GELU, 2 million weights. The preset Deep trains it.",
                of="pictures",
            ),
            "glass_digits": Option(
                "made of glass, for digits",
                "One grey channel and three convolutions of 8, 16 and 16 filters: small enough to see every weight.",
                of="pictures",
            ),
            "glass_cifar10": Option(
                "made of glass, for photos",
                "Six convolutions of 3 × 3 with 16 filters each: small enough to see every weight.", of="pictures",
            ),
            "stack": Option("my own stack", "Layers of your own, row by row.", of="pictures"),
            "rnn": Option("RNN", "A plain recurrent layer with tanh (Elman 1990): it forgets quickly.", of="text"),
            "gru": Option(
                "GRU", "Two gates decide what is kept and what is forgotten (Cho et al. 2014, arXiv:1406.1078).",
                of="text",
            ),
            "lstm": Option(
                "LSTM", "Three gates around a memory of its own (Hochreiter & Schmidhuber 1997, with forget gates).",
                of="text",
            ),
        },
    )
    stack: str = setting(
        "", "layers", "Your own rows of layers, as c64k3p1,norm,relu,m2s2 (see cnnlab_core.models.stack).",
        group="network", needs={"net": ("stack",)}, preset=False, wide=True, paces=True,
    )
    embedding: int = setting(
        32, "embedding size", "Each character is a vector of so many numbers, which are learned.", group="network",
        of="text", low=1, high=256, typed=True, paces=True,
    )
    hidden: int = setting(
        128, "hidden size", "How many numbers each recurrent layer remembers from one character to the next.",
        group="network", of="text", low=1, high=512, typed=True, paces=True,
    )
    layers: int = setting(
        1, "recurrent layers", "A second layer reads what the first one remembers.", group="network", of="text",
        low=1, high=2, paces=True,
    )
    init: Init = setting(
        "he", "initialisation", "How the weights begin. Biases begin at 0.", group="network", of="pictures",
        options={
            "he": Option("he", "Normal, variance 2 / fan-in (He et al. 2015, arXiv:1502.01852): made for ReLU."),
            "xavier": Option(
                "xavier", "Uniform, variance 2 / (fan-in + fan-out) (Glorot & Bengio 2010): made for tanh."
            ),
            "orthogonal": Option(
                "orthogonal", "Orthogonal rows (Saxe et al. 2014, arXiv:1312.6120) times the square root of 2."
            ),
            "dirac": Option(
                "dirac",
                "A layer's first filters hand on what they are given, one channel each (as in airbench); all else is "
                "uniform in ±1 / √fan-in.",
            ),
            "small": Option("small", "Normal with standard deviation 0.01, as in AlexNet (2012)."),
            "zeros": Option("zeros", "All zero: every filter stays like every other, and nothing is learned. Try it."),
        },
    )

    optimizer: Optimizer = setting(
        "adamw", "optimiser",
        "AdamW gives each weight its own step size. SGD moves all weights alike, with momentum. Muon moves a layer "
        "equally in every direction and learns the most from each picture (a learning rate of 0.02 to 0.05 suits it).",
        group="learning", paces=True,
        options={"adamw": Option("adamw"), "sgd": Option("sgd"), "muon": Option("muon", of="pictures")},
    )
    learning_rate: float = setting(
        0.01, "learning rate",
        "How far each step moves the weights, at its peak. Too small learns slowly; too large makes the loss jump or "
        "overflow.",
        group="learning", low=1e-7, high=100,
        stops=(1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 5e-2, 0.1, 0.3, 1.0, 10.0), address="rate",
    )
    epochs: int = setting(
        10, "epochs", "How many times the training data are seen.", group="learning", low=1, high=1000, typed=True,
    )
    label_smoothing: float = setting(
        0.1, "label smoothing",
        "How much certainty is taken from the true class: 0 asks for 100 %, 0.1 for about 90 %.", group="learning",
        of="pictures", high=0.9, step=0.05,
    )
    schedule: Schedule = setting(
        "one-cycle", "schedule",
        "One-cycle warms up, peaks at the learning rate and cools down to almost 0; constant stays at it; linear falls "
        "from it to 0 along a line.",
        group="learning",
        options={"one-cycle": Option("one-cycle"), "constant": Option("constant"), "linear": Option("linear")},
    )
    weight_decay: float = setting(
        0.01, "weight decay", "Pulls weights towards 0, so that few large ones remain.", group="learning", high=10,
        stops=(0.0, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1), address="decay",
    )
    batch: int = setting(
        128, "batch size",
        "Pictures per step (of all processes together), or places of the text that are read side by side. A larger "
        "batch makes each step steadier, and the steps fewer.",
        group="learning", low=1, high=8192, step=32, typed=True, paces=True,
    )
    window: int = setting(
        64, "steps back in time",
        "Backpropagation through time goes back over so many characters; what the network remembers goes further.",
        group="learning", of="text", low=1, high=512, typed=True, paces=True,
    )
    clip: float = setting(
        1.0, "largest gradient norm", "A longer gradient is scaled down to this length (Pascanu et al. 2013, "
        "arXiv:1211.5063), so that one steep place can't throw the weights far away.", group="learning", of="text",
        high=1000, step=0.5, typed=True, zero="no clipping",
    )
    seed: int = setting(
        0, "seed",
        "Decides the first weights, the order, shifts and flips. Equal settings with an equal seed give equal weights.",
        group="learning", high=2**31 - 1, typed=True,
    )
    precision: Precision = setting(
        "auto", "precision", "Auto tests for a second whether bfloat16 is faster and safe on this machine.",
        group="learning", of="pictures", paces=True,
        options={"auto": Option("auto"), "float32": Option("float32"), "bfloat16": Option("bfloat16")},
    )
    momentum: float = setting(
        0.9, "momentum", "How much of its last move the optimiser keeps.", group="learning", high=0.9999, step=0.01,
        typed=True, needs={"optimizer": ("sgd", "muon")},
    )

    attack: Attack = setting(
        "none", "learns from", "Adversarial training replaces each batch by pictures that are attacked at that moment.",
        group="attack", of="pictures", wide=True, paces=True,
        options={
            "none": Option("clean pictures", "The pictures as they are."),
            "fgsm": Option(
                "attacked, fast FGSM",
                "Each batch is first changed by one signed step from a random start (Wong et al. 2020, "
                "arXiv:2001.03994): robust, quickly.",
            ),
            "pgd": Option(
                "attacked, PGD",
                "Each batch is first changed by several small steps (Madry et al. 2017, arXiv:1706.06083): more "
                "robust, and that much slower.",
            ),
        },
    )
    epsilon: float = setting(
        8 / 255, "epsilon", "How far the attack may change each channel of a pixel.", group="attack", high=1, step=0.5,
        typed=True, in_levels=True, needs=_ATTACKED,
    )
    attack_step: float = setting(
        0.0, "step size",
        "How far each step of the attack goes. Auto is 1.25 epsilon for FGSM, and 2.5 epsilon / steps for PGD.",
        group="attack", high=2, step=0.25, typed=True, in_levels=True, zero="auto", needs=_ATTACKED,
    )
    attack_steps: int = setting(
        7, "attack steps", "Steps of the attack on each batch.", group="attack", low=1, high=100, typed=True,
        needs={"attack": ("pgd",)}, paces=True, address="pgd",
    )
    collapse: Collapse = setting(
        "go on", "if robustness collapses",
        "What to do when the network withstands FGSM and no longer PGD (catastrophic overfitting, Wong et al. 2020). "
        "It is said in any case, and the best weights are from before.", group="attack", needs={"attack": ("fgsm",)},
        options={
            "go on": Option("go on"),
            "pgd": Option("go on with PGD", "Each batch from then on is attacked by PGD."),
            "stop": Option("stop", "The training ends with that epoch, and the best weights are tested."),
        },
    )

    alternate: bool = setting(
        False, "mirroring in turns",
        "The coin decides once, whether a picture is mirrored in even epochs or in odd ones: any two in a row show it "
        "both ways (Jordan 2024, arXiv:2404.00498).", group="finer", of="pictures", needs={"flip": (True,)},
    )
    cutout: int = setting(
        0, "cutout in pixels", "A square of so many pixels a side, elsewhere each time, is painted over with the mean "
        "colour (DeVries & Taylor 2017, arXiv:1708.04552).", group="finer", of="pictures", high=32, zero="none",
    )
    mixup: float = setting(
        0.0, "mixup alpha", "Each picture is mixed with another one of its batch, and their classes by the same share. "
        "It is drawn for each step from Beta(alpha, alpha): the larger alpha, the nearer to a half (Zhang et al. 2018, "
        "arXiv:1710.09412).", group="finer", of="pictures", high=100, stops=(0.0, 0.1, 0.2, 0.4, 1.0), zero="none",
    )
    first_side: int = setting(
        0, "side at first", "The pictures begin with so many pixels a side, and grow until two thirds of the epochs "
        "are over: small ones are learned from faster.", group="finer", of="pictures", high=512, step=4, typed=True,
        zero="full", paces=True,
    )
    whiten: bool = setting(
        False, "whitening",
        "The first layer's filters are set so that patches of the training pictures come out uncorrelated, and aren't "
        "learned.", group="finer", of="pictures",
    )
    average: float = setting(
        0.0, "averaged weights",
        "Beside the weights goes an average of them, which keeps this share of itself in each step. It is what is "
        "checked, tested and exported.", group="finer", of="pictures", high=0.9999, step=0.1,
        stops=(0.0, 0.9, 0.98, 0.99, 0.995, 0.999), zero="none",
    )
    fixed_norm: bool = setting(
        False, "filters of fixed norm",
        "Before each step of Muon the filters of a layer are scaled to the norm 1, on average. Batch normalisation "
        "takes their scale away in any case; so a step turns them by what the learning rate says.", group="finer",
        of="pictures", needs={"optimizer": ("muon",)},
    )
    rest_rate: float = setting(
        1.0, "rate of all else", "Where Muon moves the filters, AdamW moves biases and classifier, at this share of "
        "the learning rate.", group="finer", of="pictures", low=0.001, high=10, stops=(0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        needs={"optimizer": ("muon",)},
    )
    views: Views = setting(
        "one", "views of a test picture", "The test is also made with the mean of the logits over several views of "
        "each picture.", group="finer", of="pictures", wide=True,
        options={
            "one": Option("the picture itself"),
            "mirror": Option("also mirrored", "Two views: the picture and its mirror image."),
            "shift": Option(
                "also mirrored and shifted",
                "Six views: the picture, the same shifted by a pixel up and left, and down and right; and their mirror "
                "images.",
            ),
        },
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Raise ``InputError`` for the first setting that can't be."""
        for name, about in SETTINGS.items():
            about.check(getattr(self, name))
        if self.data not in DATA and not _OWN.fullmatch(self.data):
            raise InputError(
                f"There is no data set called “{self.data[:60]}”. Choose {', '.join(DATA)}, or own: and the name of "
                "one that was imported, such as own:leaves (of a text: text:poems)."
            )
        for name, about in SETTINGS.items():
            self._refuse_the_other_kind(name, about)
        if self.net == "stack" and not self.stack.strip():
            raise InputError("The stack has no rows. Add a convolution, or choose one of the lab's networks.")
        if self.net != "stack" and self.stack:
            raise InputError("Rows of layers only count with the network “stack”. Choose it, or leave the rows out.")

    def _refuse_the_other_kind(self, name: str, about: Setting) -> None:
        """What concerns pictures alone can't be asked for with a text, and the other way round."""
        value, others = getattr(self, name), {"pictures": "text", "text": "pictures"}
        option = about.options.get(value)
        if option and option.of == others[self.kind]:
            choices = ", ".join(about.options_for(self.kind))
            raise InputError(
                f"The {about.name} “{value}” is for {option.of}, and “{self.data}” is {self.kind}. Choose one of "
                f"{choices}, or other data."
            )
        if about.of == others[self.kind] and value != about.default:
            raise InputError(
                f"“{about.name[0].upper()}{about.name[1:]}” is a setting for {about.of}, and “{self.data}” is "
                f"{self.kind}. Leave it out, or choose other data."
            )

    @property
    def kind(self) -> Kind:
        """What is learned from, by the name of the data set."""
        return kind_of(self.data)

    @property
    def step_size(self) -> float:
        """The size of one attack step in pixels of [0, 1]."""
        if self.attack_step:
            return self.attack_step
        return 1.25 * self.epsilon if self.attack == "fgsm" else 2.5 * self.epsilon / self.attack_steps

    def counting(self) -> dict[str, Any]:
        """The settings that play a part: those of an attack, say, only if there is one."""
        values = asdict(self)
        return {name: value for name, value in values.items() if SETTINGS[name].counts(values)}

    def pace(self) -> dict[str, Any]:
        """The settings that decide how long a step takes."""
        return {name: value for name, value in self.counting().items() if SETTINGS[name].paces}

    def to_json(self) -> str:
        """The settings as JSON, in a fixed order."""
        return json.dumps(asdict(self), indent=1)


SETTINGS = describe(Config)
"""What is known about each setting, by field."""


def config_from(values: object) -> Config:
    """A config from what a JSON file held. Raises ``InputError`` for unknown names and values that can't be."""
    if not isinstance(values, dict):
        raise InputError("A run's settings are a table of names and values.")
    if strange := sorted(set(values) - set(SETTINGS)):
        raise InputError(f"There is no setting “{str(strange[0])[:40]}”. The settings are: {', '.join(SETTINGS)}.")
    floats = {name for name, value in values.items() if SETTINGS[name].kind is float and type(value) is int}
    settings: dict[str, Any] = {name: float(value) if name in floats else value for name, value in values.items()}
    return Config(**settings)
