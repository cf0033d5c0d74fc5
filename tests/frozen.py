"""A clock that stands still, as libraries make it that freeze the time of a test."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import BuiltinFunctionType

_STOPPED = ("time", "monotonic", "perf_counter")
# As freezegun, which leaves these be; and our own tests, which measure.
_SPARED = ("threading", "queue", "multiprocessing", "_pytest", "pytest", "tests")


@contextmanager
def frozen() -> Iterator[None]:
    """Time stands still for the length of the block, in every module that has a clock by name."""
    real = {getattr(time, name): name for name in _STOPPED}
    moments = {clock: partial(float, clock()) for clock in real}
    changed = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in _SPARED:
            for key, value in list(vars(module).items()):
                if isinstance(value, BuiltinFunctionType) and value in real:
                    setattr(module, key, moments[value])
                    changed.append((module, key, value))
    try:
        yield
    finally:
        for module, key, value in changed:
            setattr(module, key, value)
