"""The receptive field of a layer, and the pixels that one unit sees."""


def code(model: str, node: str, row: int, col: int) -> str:
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.receptive_field import receptive_fields

field = receptive_fields(load_model("{model}", weights="random"))["{node}"]  # the weights don't matter
print(field.size, field.jump, field.start)
print(field.box({row}, {col}))  # top, left, bottom, right: from 0, both ends included
"""
