"""Networks that continue a text: reading it one character after another, and writing on.

``load_character_model("names_lstm")`` is the one that comes with the lab; ``cnnlab_core.training.character_model(run)``
gives that of a run.
"""

from cnnlab_core.language.files import character_models, describe_character_model, load_character_model
from cnnlab_core.language.model import CharacterModel, Comparison, SampleStep, share_known
from cnnlab_core.language.network import RecurrentNetwork
from cnnlab_core.language.units import Units, follow_units, follow_units_steps

__all__ = [
    "CharacterModel",
    "Comparison",
    "RecurrentNetwork",
    "SampleStep",
    "Units",
    "character_models",
    "describe_character_model",
    "follow_units",
    "follow_units_steps",
    "load_character_model",
    "share_known",
]
