"""Scenes with several sessions at once: coroutines, played to their end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def play(scene):
    """Run a coroutine and give what it returns. In a thread: Playwright has the main thread's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, scene).result()
