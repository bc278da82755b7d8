"""Networks that were trained here, as files: a description (JSON) beside its weights (safetensors). Needs no torch.

Looked for in ``assets/networks`` (shipped with the lab) and in ``exports`` below ``CNNLAB_RUNS``. A pair of files
copied there from another machine is found too. The description names one of the trainer's architectures and never
code, and safetensors hold nothing but numbers, so that a file from anywhere is safe to open.
"""

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab_core.errors import LabError, WeightsError
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsFile
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import write_atomically

FORM = "cnnlab-network-1"
MOST_BYTES = 1_000_000
"""Bytes of a description."""
SIDES = (8, 512)
"""Pixels of a network's input, at least and at most."""
MOST_CLASSES = 10_000
"""Classes of a network."""
SHIPPED = asset("networks")


def runs_folder() -> Path:
    """Where training runs are kept: ``CNNLAB_RUNS``, else ``runs`` in the current folder."""
    return Path(os.environ.get("CNNLAB_RUNS") or "runs").expanduser().absolute()


def exports_folder() -> Path:
    """Where exported networks are kept."""
    return runs_folder() / "exports"


def exported_specs() -> tuple[ModelSpec, ...]:
    """The networks that can be read now: shipped ones first, then ``run:<id>``, the newest first."""
    specs = []
    for folder, prefix in ((SHIPPED, ""), (exports_folder(), "run:")):
        found = []
        for path in folder.glob("*.json"):
            if not is_file_name(path.stem):
                continue
            try:
                facts = path.stat()
                found.append((-facts.st_mtime, path.stem, _spec(path, prefix, facts.st_mtime_ns, facts.st_size)))
            except (OSError, LabError):  # half written, or not a network: it isn't offered
                continue
        specs += [spec for _, _, spec in sorted(found, key=lambda entry: entry[:2] if prefix else entry[1:2])]
    often = Counter(spec.title for spec in specs)
    return tuple(
        spec if often[spec.title] == 1 else replace(spec, title=f"{spec.title} ({spec.name})") for spec in specs
    )


def read_description(path: Path, form: str = FORM, most: int = MOST_BYTES) -> dict[str, Any]:
    """The description in a JSON file of this form. Raises ``WeightsError`` if it isn't one."""
    try:
        if path.stat().st_size > most:
            raise ValueError
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["form"] != form:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise WeightsError(f"The file {path} doesn't describe a network trained with the lab.") from None
    return about


def trained_on(spec: ModelSpec) -> str:
    """The name of the data set that a network trained here learned from; "" of others."""
    if not spec.weights.folder:
        return ""
    try:
        about = read_description(Path(spec.weights.folder) / f"{Path(spec.weights.file).stem}.json")
    except WeightsError:
        return ""
    config = about.get("config")
    return str(config.get("data", "")) if isinstance(config, dict) else ""


def write_export(folder: Path, name: str, weights: bytes, about: Mapping[str, Any], form: str = FORM) -> Path:
    """Write ``<name>.safetensors`` and ``<name>.json``; the path of the latter. Raises ``OSError``."""
    write_atomically(folder / f"{name}.safetensors", weights)
    path = folder / f"{name}.json"
    write_atomically(path, json.dumps({"form": form, **about}, indent=1, ensure_ascii=False).encode())
    return path


def is_file_name(name: str) -> bool:
    """Whether a network may have this name: it goes into addresses, and into code that people copy and run."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name, re.ASCII) is not None


@lru_cache(maxsize=512)
def _spec(path: Path, prefix: str, modified: int, size: int) -> ModelSpec:  # time and size: a changed file anew
    about = read_description(path)
    lacking = WeightsError(f"The description {path} lacks something. Export the network again.")
    try:
        network, pixels = about["network"], about["preprocessing"]
        side, classes = int(pixels["side"]), tuple(clean_line(name)[:60] for name in about["classes"])
        options = (("net", str(network["net"])), ("stack", str(network["stack"])), ("side", side))
        mean, std = (_three(pixels[name]) for name in ("mean", "std"))
        test = (about.get("scores") or {}).get("accuracy")
        numbers = (*mean, *std, float(about["megabytes"]), float(test or 0), float(about["parameters"]))
        sha256 = str(about["sha256"])
        if not (SIDES[0] <= side <= SIDES[1] and 2 <= len(classes) <= MOST_CLASSES and min(std) > 0):
            raise lacking
        if not all(map(math.isfinite, numbers)) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise lacking
        return ModelSpec(
            name=f"{prefix}{path.stem}",
            title=clean_line(about["title"])[:80],
            builder="cnnlab_core.training.nets:build_net",
            options=(*options, ("classes", len(classes))),
            weights=WeightsFile(
                f"{path.stem}.safetensors",
                round(float(about["megabytes"]), 1),
                sha256=sha256,
                folder=str(path.parent),
            ),
            parameters=int(about["parameters"]),
            top1=round(100 * float(test), 2) if test is not None else 0.0,
            licence=clean_line(about.get("licence", "your own"))[:200],
            source=clean_line(about.get("source", "trained in this lab"))[:200],
            about=clean_line(about.get("about", ""))[:400],
            preprocessing=Preprocessing(resize=side, crop=side, mean=mean, std=std),
            measured="on the test pictures of its data set" if test is not None else "",
            classes=classes,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise lacking from None


def clean_line(text: object) -> str:
    """A text of others on one line, without what can't be seen or turns the direction of writing."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue
