"""Which device the lab computes on, how many cores and how much memory it has, and what to do when it is full."""

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cnnlab_core.errors import DeviceError

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")


def pick_device(name: str | None = None) -> "torch.device":
    """The device to compute on: ``name``, else ``CNNLAB_DEVICE``, else cuda, then mps, then cpu.

    Raises ``DeviceError`` when the device that was asked for by name isn't there.
    """
    import torch

    wanted = name or os.environ.get("CNNLAB_DEVICE") or ""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    try:
        device = torch.device(wanted or next(kind for kind, available in here.items() if available))
    except RuntimeError:
        device = None
    cards = torch.cuda.device_count()
    if device is None or not here.get(device.type) or (device.type == "cuda" and (device.index or 0) >= cards):
        found = ", ".join(kind for kind, available in here.items() if available)
        raise DeviceError(f"There is no device “{wanted}” here. Set CNNLAB_DEVICE to {found}, or leave it unset.")
    # As tensors say it: “cuda” isn't equal to “cuda:0”, and one network would be there under both.
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def exact_float32() -> None:
    """Let a GPU's convolutions compute in float32, once for the process.

    By default they round what they multiply to the ten bits of TF32: then no cell of a map is the sum that is shown.
    """
    import torch

    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]


def finish_kernels() -> None:
    """Wait until the lab's device has computed what it was asked to: on a GPU, calls return before that."""
    import torch

    if (device := pick_device()).type != "cpu":
        torch.accelerator.synchronize(device)


def describe_device(device: "torch.device") -> str:
    """One line for people: the device's name, and on a GPU the memory in use."""
    import torch

    if device.type == "cuda":
        used = torch.cuda.memory_allocated(device) / 2**30
        total = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"{torch.cuda.get_device_name(device)}, {used:.1f} of {total:.0f} GB in use"
    if device.type == "mps":
        return f"Apple GPU, {torch.mps.current_allocated_memory() / 2**30:.1f} GB in use"
    return f"CPU, {available_cores()} cores"


def likely_device() -> str:
    """The device in a line for people, told without importing torch, from what the system shows."""
    wanted = os.environ.get("CNNLAB_DEVICE", "")
    if wanted:
        return f"{wanted} (set by CNNLAB_DEVICE)"
    if Path("/dev/nvidia0").exists():
        return "NVIDIA GPU"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple GPU"
    return f"CPU, {available_cores()} cores"


def available_cores() -> int:
    """Cores this process may use: the smaller of its affinity and its container's quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return cores


def available_memory(device: "torch.device") -> int:
    """Bytes of memory that are free for a job now: on a GPU its own, else the system's, within the container's quota.

    Where the system doesn't tell what is free, half of all there is.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(min(_free_in_system(), _free_in_container()))


def _free_in_system() -> int:
    try:
        table = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        return 1024 * int(table["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        return 4 * 2**30


def _free_in_container(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """What the container's quota leaves; infinite without one. Files that are only cached count as free."""
    try:
        quota, used = (int((folder / name).read_text(encoding="utf-8")) for name in ("memory.max", "memory.current"))
        facts = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
        return quota - used + int(facts.get("inactive_file", 0))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return float("inf")


_FULL = ("out of memory", "ALLOC_FAILED", "allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full: torch's own, or what cuBLAS, cuDNN and the CPU's allocator say."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in _FULL)
    )


def with_memory_retry(work: Callable[[], Result], free_memory: Callable[[], None]) -> Result:
    """``work()``; if the device runs out of memory, ``free_memory()`` and once more; then a ``DeviceError``."""
    import torch

    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # Handled below, after the exception and the tensors its traceback keeps alive are gone.
    free_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            "The device's memory is full, even after models that nobody uses were put away. "
            "Use a smaller picture, batch or model, or wait until others are done."
        ) from error
