"""Run a command beside other programs that want all of the machine: ``python tests/busy.py pytest tests/e2e``.

One loop that never rests for each core, at the same priority: the command gets about half of every core. Tests must
pass like this too, only later.
"""

import os
import subprocess
import sys


def main() -> int:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        return subprocess.run(sys.argv[1:], check=False).returncode
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if __name__ == "__main__":
    sys.exit(main())
