"""What has to happen once per process before anything computes."""

import gc
import importlib
import os
import sys
import threading

import streamlit as st

_once = threading.Lock()
_ready = threading.Event()


def warm_up() -> None:
    """Import torch and torchvision, one OpenMP thread per job, and take them out of the garbage collector's rounds.

    The gate lets as many jobs run as there are cores; with one thread each they don't fight for them. Streamlit
    collects all garbage after every rerun, which with torch's million objects would cost a quarter of a second
    each time: ``gc.freeze`` spares it them.
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
        importlib.import_module("cnnlab_core.models")
        gc.collect()
        gc.freeze()
        _ready.set()
