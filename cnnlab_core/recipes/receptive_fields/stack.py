"""The receptive field of every row of a stack, and what the middle unit of each sees."""


def code(stack: str, side: int, counting: str = "from 0, top left") -> str:
    """``counting`` is how the page counts."""
    return f"""\
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field import COUNTINGS
from cnnlab_core.receptive_field.stack import stack_fields

counting = COUNTINGS["{counting}"]
fields = stack_fields(read_stack("{stack}"), {side})
for field in fields:
    print(field.name, field.map_size, field.size, field.jump, field.start)
    box = field.box(field.map_size[0] // 2, field.map_size[1] // 2)
    print(*(counting.spans(box, {side}) if box else ["only padding"]))  # rows, columns of the middle unit
"""
