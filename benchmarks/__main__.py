"""Run every benchmark, or the named ones: ``python -m benchmarks [name ...]``."""

import importlib
import platform
import sys
import traceback

from benchmarks.measure import Row, print_table

NAMES = (
    "page_rerun",
    "convolution_rerun",
    "model_load",
    "home_paint",
    "page_weight",
    "page_tasks",
    "memory",
    "receptive_fields",
    "network_picture",
    "network_live",
    "attacks",
    "card",
    "dream",
    "training",
    "text",
    "six_minutes",
    "transfer",
    "glass",
    "hostile",
)


def main(names: tuple[str, ...]) -> None:
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    rows: list[Row] = []
    broken = []
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        about = (module.__doc__ or "").strip().splitlines()[0]
        print(f"… {name}: {about}", flush=True)
        try:
            found = module.measure()
        except Exception:  # noqa: BLE001  hours of figures are not to be lost for the last one's sake
            traceback.print_exc()
            broken.append(name)
        else:
            print_table(found)
            rows += found
    print("\nAll of them:")
    print_table(rows)
    if broken:
        sys.exit(f"Nothing was measured by: {', '.join(broken)}.")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or NAMES)
