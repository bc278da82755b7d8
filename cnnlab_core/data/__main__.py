"""``python -m cnnlab_core.data photos/ leaves --side 32``: read a folder or zip of class folders (or Oxford-IIIT Pet's
files), or a text file, as a data set of the lab; without arguments: the sets there are."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cnnlab_core.data import import_pictures_steps, import_text, list_data, list_texts
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.command_line import run_command, watch
from cnnlab_core.runtime.limits import TEXT_MB


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cnnlab_core.data", description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", help="a folder, a zip, or a text file (.txt)")
    parser.add_argument("name", nargs="?", help="up to 40 small letters, digits, - and _")
    parser.add_argument("--side", type=int, default=32, help="pixels wide and high (default 32)")
    return run_command(import_source, parser.parse_args(arguments))


def import_source(options: argparse.Namespace) -> None:
    """Read the source, and say what came of it."""
    if options.source is None:
        print(*(f"{source.name:20} {source.title}" for source in (*list_data(), *list_texts())), sep="\n")
        return
    if options.name is None:
        raise InputError("Give the set a name: python -m cnnlab_core.data photos/ leaves.")
    if options.source.suffix.lower() == ".txt":
        try:
            with options.source.expanduser().open("rb") as file:
                content = file.read(4 * 10**6 * TEXT_MB.now() + 1)  # one more than is accepted, whatever the encoding
        except OSError as error:
            raise InputError(f"{options.source} can't be read: {error.strerror}.") from None
        print(f"text:{options.name}: {import_text(content, options.name).summary}")
        return
    dataset = watch(import_pictures_steps(options.source, options.name, side=options.side))
    print(f"own:{options.name}: {len(dataset.train)} pictures of {len(dataset.classes)} classes to train on")
    for note in dataset.notes:
        print(note)


if __name__ == "__main__":
    sys.exit(main())
