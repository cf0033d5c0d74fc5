"""A software TPM 2.0 for the length of a block."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pytest_smolvm.host.programs import running, settled


@contextmanager
def tpm(state: Path, log: Path) -> Iterator[socket.socket]:
    """Run swtpm and give the end of its control channel that QEMU takes.

    :param state: an existing directory for the TPM's memory; empty is fine, also for a restored guest, whose TPM
        state travels in QEMU's stream.
    :raises HostError: swtpm is not installed.
    """
    program = settled("swtpm", "swtpm")
    with ExitStack() as stack:
        # A socket pair: no path to outgrow a socket's 108 bytes, and QEMU can never connect too early.
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        # swtpm splits options at commas and knows no way to escape one.
        place = "." if "," in str(state) else state
        command = [program, "socket", "--tpm2", "--tpmstate", f"dir={place}"]
        command += ["--ctrl", f"type=unixio,clientfd={theirs.fileno()}", "--terminate"]
        stack.enter_context(running(command, log=log, pass_fds=[theirs.fileno()], cwd=state))
        theirs.close()
        yield ours
