"""What happens once per process, before anything is computed."""

import ctypes
import gc
import importlib
import os
import sys
import threading
import time
from contextlib import suppress
from itertools import count

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.device import exact_float32

_once = threading.Lock()
_ready = threading.Event()
_COLLECT_SECONDS = 10.0
"""Between two garbage collections."""
_ALL_EACH = 60
"""Each of so many of them takes what is exempt, too: every ten minutes."""


def warm_up() -> None:
    """Import torch and torchvision, one OpenMP thread per job, and ration the garbage collector.

    The gate lets as many jobs run as there are cores; with one thread each, they don't compete for them. A full garbage
    collection stops every thread, for a quarter of a second with torch's million objects. ``gc.freeze`` exempts those;
    what pages import later still costs a tenth of a second. So Streamlit's collections after every rerun are turned off
    in its configuration, as thirty sessions would do little else; one every ten seconds is enough. The sessions that
    are there when ``gc.freeze`` is called are exempt with all that they hold, so now and then everything is collected.
    """
    if _ready.is_set():
        return
    with st.spinner("Starting PyTorch (once, a few seconds) …"):
        _warm_up()


def _warm_up() -> None:
    with _once:
        if _ready.is_set():
            return
        if "torch" not in sys.modules:  # read by OpenMP when it starts; reaches threads that are already running
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        exact_float32()
        importlib.import_module("cnnlab_core.models")
        collect_all()
        _let_trainings_stand_back()
        threading.Thread(target=_sweep, name="sweep", daemon=True).start()
        threading.Thread(target=_collect_now_and_then, name="garbage collector", daemon=True).start()
        _ready.set()


def _let_trainings_stand_back() -> None:
    """While visitors wait for the device."""
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.runtime.gate import gate
    from cnnlab_core.training.locks import device_key
    from cnnlab_core.training.runs import queue

    with suppress(LabError):
        gate(pick_device().type).when_long = queue(device_key()).let_visitors_wait


def _sweep() -> None:
    """Clear away what processes that were killed have left, and what caches have too much."""
    from cnnlab_core.training import storage

    with suppress(OSError, LabError):
        storage.sweep()
        storage.trim_caches()


def _collect_now_and_then() -> None:
    # glibc keeps freed activations for each of many threads; this gives them back to the system.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    for number in count(1):
        time.sleep(_COLLECT_SECONDS)
        if number % _ALL_EACH == 0:
            collect_all()
        elif any(gc.get_count()[1:]):  # objects were made since
            gc.collect()
        else:
            continue
        if trim:
            trim(0)


def collect_all() -> None:
    """Collect what was exempt as well; what is there then is exempt until the next time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
