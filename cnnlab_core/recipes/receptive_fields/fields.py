"""The receptive field of a layer, and the pixels that one unit sees."""


def code(model: str, node: str, row: int, col: int, counting: str = "from 0, top left") -> str:
    """``row`` and ``col`` are from 0 at the top left; ``counting`` is how the page counts."""
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.receptive_field import COUNTINGS, receptive_fields

field = receptive_fields(load_model("{model}", weights="random"))["{node}"]  # the weights don't matter
print(field.size, field.jump, field.start)
box = field.box({row}, {col})
print(box)  # top, left, bottom, right: from 0, both ends included
print(COUNTINGS["{counting}"].spans(box, field.image_size[0]) if box else "only padding")  # rows, columns
"""
