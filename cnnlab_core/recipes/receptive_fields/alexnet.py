"""What the middle units of AlexNet's first layers see, counted as a course counts."""


def code(stack: str, side: int, numbers: dict[str, int], counting: str) -> str:
    """``numbers``: of the unit looked through, by the name of its layer."""
    return f"""\
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field import COUNTINGS
from cnnlab_core.receptive_field.stack import stack_fields
from cnnlab_core.receptive_field.worked_out import worked_out

counting = COUNTINGS["{counting}"]
fields = {{field.name: field for field in stack_fields(read_stack("{stack}"), {side})}}
for name, number in {numbers!r}.items():
    box = fields[name].box(*counting.index(number, number, fields[name].map_size[0]))
    print(name, number, *counting.spans(box, {side}))  # rows, columns
print(worked_out([fields[name] for name in {list(numbers)!r}], {list(numbers.values())!r}, counting))
"""
