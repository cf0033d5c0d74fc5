"""A WinRM on this host, whose commands are the shell's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RESPONDER = Path(__file__).with_name("wsman.pl")


@contextmanager
def serving(ways: str = "Basic", account: str = "me:secret") -> Iterator[int]:
    """Its port, for the length of the block."""
    words = ["perl", str(RESPONDER), "0", account, ways, "/bin/sh", "-c"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as responder:
        assert responder.stdout is not None
        try:
            yield int(responder.stdout.readline())
        finally:
            responder.kill()
