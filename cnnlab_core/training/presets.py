"""Settings to begin with, tried in this lab."""

from dataclasses import dataclass

from cnnlab_core.training.config import Config, Net


@dataclass(frozen=True)
class Preset:
    """A config and what to expect of it. It leaves the data set as it is."""

    title: str
    about: str
    config: Config


_NETWORKS: tuple[tuple[Net, str], ...] = (
    ("homework", "the network without batch norm"),
    ("homework_bn", "the same network with batch norm"),
    ("deeper", "a deeper network of your own; here the residual one"),
)

PRESETS: tuple[Preset, ...] = (
    *(
        Preset(
            f"As the homework says: network {number}",
            f"All training pictures, with none held out, and plain cross-entropy: {about}. Shift, mirroring and the "
            "optimiser are yours to choose.",
            Config(net=net, validation=0.0, label_smoothing=0.0),
        )
        for number, (net, about) in enumerate(_NETWORKS, 1)
    ),
    Preset(
        "Quick",
        "Muon, four epochs, small shifts: 82 % of CIFAR-10's test pictures after five minutes on two processor cores.",
        Config(optimizer="muon", learning_rate=0.04, weight_decay=0.05, epochs=4, crop=2, validation=0.02),
    ),
    Preset(
        "Robust",
        "Each batch attacked by one step of FGSM, as the lab's own robust network was trained: it classifies "
        "fewer pictures correctly, but withstands small changes of their pixels.",
        Config(epochs=12, label_smoothing=0.0, attack="fgsm"),
    ),
    Preset(
        "Glass, for digits",
        "As the lab's network for digits was trained: 99 % of the test digits after half a minute. Choose the "
        "digits as the data set. Nothing is mirrored: a mirrored 2 is no 2.",
        Config(
            net="glass_digits",
            optimizer="muon",
            learning_rate=0.03,
            weight_decay=0.05,
            epochs=16,
            batch=64,
            crop=2,
            flip=False,
            validation=0.05,
            label_smoothing=0.0,
        ),
    ),
    Preset(
        "Glass, for photos",
        "As the lab's small network for CIFAR-10 was trained: 16 maps a layer, and 79 % of the test pictures after "
        "eight minutes.",
        Config(
            net="glass_cifar10",
            optimizer="muon",
            learning_rate=0.04,
            weight_decay=0.05,
            epochs=14,
            crop=2,
            validation=0.02,
            label_smoothing=0.0,
        ),
    ),
    Preset(
        "Deep",
        "The lab's best on CIFAR-10, after Keller Jordan's airbench (2024, arXiv:2404.00498): a whitening first layer, "
        "Muon, mirroring in turns, averaged weights, six views of each test picture. None is held out, and the last "
        "weights are taken. On two cores with bfloat16 4 epochs take ten minutes and get 92.5 % of the test pictures "
        "right, 11 take 25 and get 94 %.",
        Config(
            net="airbench",
            whiten=True,
            init="dirac",
            optimizer="muon",
            learning_rate=0.12,
            momentum=0.6,
            weight_decay=0.0,
            fixed_norm=True,
            rest_rate=0.1,
            schedule="linear",
            batch=512,
            epochs=4,
            label_smoothing=0.2,
            validation=0.0,
            crop=2,
            alternate=True,
            average=0.98,
            views="shift",
        ),
    ),
)

TEXT_PRESETS: tuple[Preset, ...] = (
    Preset(
        "Names",
        "An LSTM that writes names after less than a minute on two processor cores, at 3.05 bits per character.",
        Config(data="names", net="lstm", epochs=4, batch=64, window=32),
    ),
)
"""Those for text: each is for one data set."""
