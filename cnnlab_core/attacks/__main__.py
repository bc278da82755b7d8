"""``python -m cnnlab_core.attacks photo.jpg --method pgd --eps 4/255 --target teapot --save fooled.png``: attack what a
network says of a photo."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from cnnlab_core.attacks.methods import METHODS, Plan, find_method
from cnnlab_core.attacks.result import View
from cnnlab_core.images import open_image, png
from cnnlab_core.images.levels import distance
from cnnlab_core.models.command_line import add_network, class_of, network_of
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.command_line import fraction, run_command
from cnnlab_core.runtime.jobs import finish

_LENGTHS = ("eps", "step_size")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    return run_command(_attack, _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnnlab_core.attacks", description=__doc__)
    parser.add_argument("photo", type=Path)
    add_network(parser)
    parser.add_argument("--method", default="pgd", help=f"one of {', '.join(METHODS)}, or its title (default pgd)")
    parser.add_argument("--target", help="the class to reach, by name or number; without it, any other class")
    parser.add_argument("--save", type=Path, help="where the adversarial picture goes, as PNG")
    kinds: dict[Any, dict[str, Any]] = {
        bool: {"action": argparse.BooleanOptionalAction},
        int: {"type": int, "metavar": "N"},
        float: {"type": fraction, "metavar": "X"},
        str: {"metavar": "NAME"},
    }
    hints = get_type_hints(Plan)
    for field in fields(Plan):
        if field.name != "method":
            kind = kinds[float if field.name in _LENGTHS else hints[field.name] if hints[field.name] in kinds else str]
            parser.add_argument(f"--{field.name.replace('_', '-')}", default=None, help=_taken_by(field.name), **kind)
    return parser


def _taken_by(setting: str) -> str:
    takers = [method.key for method in METHODS.values() if method.takes(setting)]
    what = "in pixel units, such as 4/255; " if setting in _LENGTHS else ""
    return what + ("for all" if len(takers) == len(METHODS) else f"for {', '.join(takers)}")


def _attack(options: argparse.Namespace) -> None:
    named = {field.name: getattr(options, field.name, None) for field in fields(Plan) if field.name != "method"}
    plan = find_method(options.method).plan(**{name: value for name, value in named.items() if value is not None})
    model = network_of(options)
    target = None if options.target is None else class_of(model, options.target)
    x = model.prepare(open_image(options.photo))
    result = finish(plan.start(model, x, target=target))
    print(f"{model.spec.title}, {plan.title}: {plan.text}")
    print(f"before: {_said(model, result.clean.view())}")
    print(f"after:  {_said(model, result.rounded.view())}  (the picture in 8 bits)")
    found = result.rounded.distances()
    print(*(f"{norm} {distance(found[norm], norm)}" for norm in ("linf", "l2", "l1")), f"SSIM {found['ssim']:.4f}")
    print("fooled" if bool(result.success) else "not fooled")
    if options.save:
        options.save.write_bytes(png(result.rounded.view().picture))
        print(options.save)


def _said(model: LoadedModel, view: View) -> str:
    return ", ".join(f"{one.label} {one.probability:.1%}" for one in view.top(model.categories, 3))


if __name__ == "__main__":
    sys.exit(main())
