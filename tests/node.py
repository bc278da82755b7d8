"""The lab's JavaScript in node, which comes by pip: a script that answers questions one by one."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from cnnlab_core.runtime.assets import read_asset

NODE = Path(sys.executable).with_name("node")
_TALK = """
const back = (value) => {
  if (ArrayBuffer.isView(value)) return { floats: Buffer.from(Float32Array.from(value).buffer).toString("base64") };
  if (value && typeof value === "object") {
    if (Array.isArray(value)) return value.map(back);
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, back(v)]));
  }
  return value;
};
const there = (_, value) => value?.floats === undefined ? value
  : new Float32Array(Uint8Array.from(Buffer.from(value.floats, "base64")).buffer);
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(back(answer(JSON.parse(line, there))))}\\n`);
});
"""


class Node:
    """A node process with the lab's ``scripts`` (paths below assets) and a function ``answer`` of one value.

    Arrays come and go as float32; those that come back are flat.
    """

    def __init__(self, *scripts: tuple[str, str], answer: str) -> None:
        code = "\n".join([*(read_asset(*script) for script in scripts), answer, _TALK])
        self.process = subprocess.Popen(
            [NODE, "--input-type=commonjs", "--eval", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, question: object) -> object:
        """What ``answer`` makes of ``question``."""
        print(json.dumps(question, default=_floats), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, "node broke off; its last words are on stderr"
        return json.loads(line, object_hook=_array)


def _floats(values: np.ndarray) -> dict[str, str]:
    return {"floats": base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()}


def _array(found: dict) -> object:
    return np.frombuffer(base64.b64decode(found["floats"]), "<f4") if set(found) == {"floats"} else found
