"""Settings to begin with, tried in this lab."""

from dataclasses import dataclass

from cnnlab_core.training.config import Config


@dataclass(frozen=True)
class Preset:
    """A config and what to expect of it. It leaves the data set as it is."""

    title: str
    about: str
    config: Config


PRESETS: tuple[Preset, ...] = (
    Preset(
        "The homework",
        "The network without batch norm, and AdamW: what most people write first.",
        Config(net="homework"),
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
        "Deep",
        "The residual network with 3.6 million weights: for a GPU, or for a night.",
        Config(net="deeper"),
    ),
)
