"""Everything in cnnlab that computes. Importing this package is cheap: each part, and torch, loads when first used.

>>> import cnnlab_core
>>> model = cnnlab_core.models.load_model("efficientnet_lite0")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab_core import (
        attacks,
        classification,
        convolution,
        data,
        dream,
        errors,
        evaluation,
        exercises,
        from_scratch,
        images,
        interpretability,
        language,
        lessons,
        models,
        network,
        plots,
        receptive_field,
        recipes,
        runtime,
        stories,
        training,
        transfer,
    )

__version__ = "0.2.0.dev0"

__all__ = [
    "__version__",
    "attacks",
    "classification",
    "convolution",
    "data",
    "dream",
    "errors",
    "evaluation",
    "exercises",
    "from_scratch",
    "images",
    "interpretability",
    "language",
    "lessons",
    "models",
    "network",
    "plots",
    "receptive_field",
    "recipes",
    "runtime",
    "stories",
    "training",
    "transfer",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__
