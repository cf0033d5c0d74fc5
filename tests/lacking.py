"""Hosts that lack something that guests need, as far as this one can be made to look like them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.host import programs
from pytest_smolvm.machine.fence.seccomp import CALLS


def tpm_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on swtpm ends at once, as where AppArmor keeps it out of the store."""
    stand_in = tmp_path / "bin/swtpm"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho 'could not open the state: Permission denied'; exit 1\n", encoding="ascii")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=":")
    monkeypatch.setattr(programs, "SETTLED", {})  # where the run around this test has found its own


def calls_cannot_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the kernel refuses seccomp's notifications: it is asked by a number that it does not have."""
    calls = CALLS[os.uname().machine]
    monkeypatch.setitem(CALLS, os.uname().machine, replace(calls, seccomp=calls.io_uring_setup + 5000))
