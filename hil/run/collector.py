"""Python's cyclic garbage collector during a run: rarely, and not over what stays anyway."""

from __future__ import annotations

import gc
from collections.abc import Callable

# Each frame is kept for a while, so the heap grows and nothing in it is garbage until a world ends. A full
# look then comes every 2 million new objects, some 300 MB, instead of each time that the heap has grown by
# a quarter; few young ones at a time stay in the cache.
_THRESHOLDS = 2_000, 50, 20


def calm(*, between_tests: bool = False) -> Callable[[], None]:
    """Leave all that is loaded out of further collections, and collect less often.

    Args:
        between_tests: Not by itself at all; who runs the tests collects between two of them.

    Returns:
        The way back, for the end of the run.
    """
    before, was_on = gc.get_threshold(), gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    if between_tests:
        gc.disable()

    def undo() -> None:
        gc.unfreeze()
        gc.set_threshold(*before)
        if was_on:
            gc.enable()

    return undo
