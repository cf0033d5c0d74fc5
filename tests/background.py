"""Programs of ours that run beside a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def background(module: str, *words: str | os.PathLike[str], cwd: Path, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m module words`` for the length of the block; killed at its end.

    :param how: as for :class:`subprocess.Popen`.
    """
    # What runs this suite may ignore Ctrl-C, as shells have their background jobs do, and children would inherit that.
    child = subprocess.Popen(["env", "--default-signal=INT", sys.executable, "-m", module, *words], cwd=cwd, **how)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
