"""What of an error anybody can be shown."""

from __future__ import annotations

import traceback


def everything(error: BaseException) -> str:
    """Its traceback and those of what led to it, with the variables of every function on the way, none cut short."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
