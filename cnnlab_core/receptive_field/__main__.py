"""``python -m cnnlab_core.receptive_field --network resnet18`` or ``--stack c3,m2,c3``: what each layer's units see of
a picture, as CSV."""

import argparse
import sys
from collections.abc import Sequence

from cnnlab_core.models.command_line import add_network, network_of
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field.fields import ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.stack import stack_fields
from cnnlab_core.runtime.command_line import run_command
from cnnlab_core.runtime.csv_tables import csv_table

_COLUMNS = ("layer", "kind", "map_rows", "map_columns", "size_rows", "size_columns", "jump_rows", "jump_columns",
            "start_row", "start_column", "note")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cnnlab_core.receptive_field", description=__doc__)
    add_network(parser)
    parser.add_argument("--stack", help="a stack of layers instead of a network, such as c64k11p5,relu,m2s2")
    parser.add_argument("--side", type=int, help="of the pictures (default: the network's own, and 32 for a stack)")
    parser.add_argument("--layer", help="only this one")
    return run_command(_fields, parser.parse_args(arguments))


def _fields(options: argparse.Namespace) -> None:
    if options.stack:
        fields = stack_fields(read_stack(options.stack), options.side or 32)
    else:
        fields = list(receptive_fields(network_of(options), options.side).values())
    shown = [field for field in fields if options.layer in (None, field.name)]
    print(csv_table(_COLUMNS, map(_row, shown)), end="")


def _row(field: ReceptiveField) -> tuple[object, ...]:
    pairs = (field.map_size, field.size, field.jump, field.start)
    return field.name, field.kind, *(value for pair in pairs for value in (pair or ("", ""))), field.why


if __name__ == "__main__":
    sys.exit(main())
