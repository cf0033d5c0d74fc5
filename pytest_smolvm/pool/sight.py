"""The screen of a guest that fails before a test has it."""

from __future__ import annotations

import os
from contextlib import suppress

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory


def kept(machine: Machine, store: Store, name: str) -> str:
    """Keep a picture of a guest's screen in the store, for who wants to know why it failed.

    :param name: which guest it is.
    :returns: where it is, in words for an error; empty if there is none, since the guest is gone.
    """
    with suppress(SmolVMError, OSError):
        directory = store.kept / name.replace(os.sep, ".")
        directory.mkdir(mode=0o700, exist_ok=True)
        picture = RunDirectory(directory).picture
        machine.display.picture(picture)
        return f" (the guest's screen: {picture})"
    return ""
