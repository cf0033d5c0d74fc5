"""How long is waited where nobody says how long: on a busy host everything takes longer."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from pytest_smolvm.errors import UsageError

VARIABLE = "SMOLVM_TIMEOUT_SCALE"


def scale(environ: Mapping[str, str] = os.environ) -> float:
    """By what our own patience is multiplied: the variable's value, or 1.

    :raises UsageError: it is no such number.
    """
    text = environ.get(VARIABLE) or "1"
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise UsageError(f"{VARIABLE}: {text!r} is not a number above 0, such as 3 on a busy host")
    return found


def stretched(seconds: float) -> float:
    """Seconds that suffice on a host with little else to do, made more by what this one's user says.

    For what waits for a guest or for QEMU. What a caller says stays, and so does what ends by itself.
    """
    return seconds * _SCALE


def _scale_if_any() -> float:
    try:
        return scale()
    except UsageError:  # the doors say so; no import is to fail
        return 1.0


_SCALE = _scale_if_any()
