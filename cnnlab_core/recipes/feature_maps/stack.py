"""The receptive field of every row of a stack."""


def code(stack: str, side: int) -> str:
    return f"""\
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field.stack import stack_fields

fields = stack_fields(read_stack("{stack}"), {side})
for field in fields:
    print(field.name, field.map_size, field.size, field.jump, field.start)
"""
