"""Makes docs/api: pages of the whole API, from its docstrings."""

import importlib
import pkgutil
from pathlib import Path

import pdoc

import cnnlab_core

SPECS = ("cnnlab_core", "!cnnlab_core.ui", "!cnnlab_core.recipes")


def main() -> None:
    """Write the pages."""
    for found in pkgutil.walk_packages(cnnlab_core.__path__, "cnnlab_core."):
        if found.ispkg and not any(found.name.startswith(spec[1:]) for spec in SPECS[1:]):
            package = importlib.import_module(found.name)
            for name in getattr(package, "__all__", ()):
                setattr(package, name, getattr(package, name))  # pdoc finds nothing that loads when it is first used
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*SPECS, output_directory=Path(__file__).with_name("api"))


if __name__ == "__main__":
    main()
