"""Networks that were trained here, as files: a description (JSON) beside its weights (safetensors). Needs no torch.

Looked for in ``assets/networks`` (shipped with the lab) and in ``exports`` below ``CNNLAB_RUNS``. A pair of files
copied there from another machine is found too. The description names one of the trainer's architectures and never
code, and safetensors hold nothing but numbers, so that a file from anywhere is safe to open.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab_core.errors import LabError, WeightsError
from cnnlab_core.files import write_atomically
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsFile

FORM = "cnnlab-network-1"
SHIPPED = Path(__file__).parents[2] / "assets" / "networks"


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


def read_description(path: Path) -> dict[str, Any]:
    """The description in a JSON file. Raises ``WeightsError`` if it isn't one."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["form"] != FORM:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(f"The file {path} doesn't describe a network trained with the lab.") from None
    return about


def write_export(folder: Path, name: str, weights: bytes, about: Mapping[str, Any]) -> Path:
    """Write ``<name>.safetensors`` and ``<name>.json``; the path of the latter. Raises ``OSError``."""
    write_atomically(folder / f"{name}.safetensors", weights)
    path = folder / f"{name}.json"
    write_atomically(path, json.dumps({"form": FORM, **about}, indent=1, ensure_ascii=False).encode())
    return path


@lru_cache(maxsize=512)
def _spec(path: Path, prefix: str, modified: int, size: int) -> ModelSpec:  # time and size: a changed file anew
    about = read_description(path)
    try:
        network, pixels = about["network"], about["preprocessing"]
        side, classes = int(pixels["side"]), tuple(map(str, about["classes"]))
        options = (("net", str(network["net"])), ("stack", str(network["stack"])), ("side", side))
        mean, std = (_three(pixels[name]) for name in ("mean", "std"))
        test = (about.get("scores") or {}).get("accuracy")
        return ModelSpec(
            name=f"{prefix}{path.stem}",
            title=str(about["title"])[:80],
            builder="cnnlab_core.training.nets:build_net",
            options=(*options, ("classes", len(classes))),
            weights=WeightsFile(
                f"{path.stem}.safetensors",
                round(float(about["megabytes"]), 1),
                sha256=str(about["sha256"]),
                folder=str(path.parent),
            ),
            parameters=int(about["parameters"]),
            top1=round(100 * float(test), 2) if test is not None else 0.0,
            licence=str(about.get("licence", "your own")),
            source=str(about.get("source", "trained in this lab")),
            about=str(about.get("about", "")),
            preprocessing=Preprocessing(resize=side, crop=side, mean=mean, std=std),
            measured="on the test pictures of its data set" if test is not None else "",
            classes=classes,
        )
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"The description {path} lacks something. Export the network again.") from None


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue
