"""From an ISO to a sealed image that tests run on, with the practice installer.

Real firmware, real discs, real restarts; only what is installed is the practice system rather than Windows.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pytest_smolvm.host import records
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import Recipe, build
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.machine import disk
from tests.images.windows.discs import openssh_package

# Like Win32-OpenSSH's: asks for consent, which nobody can give there.
INSTALL_SSHD = r"""
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
param ()
if (-not $PSCmdlet.ShouldProcess('the host keys', 'repair')) { throw 'nobody agreed' }
Set-Content -LiteralPath C:\ProgramData\openssh.txt -Value 'was here'
"""
EXAMPLES = Path(__file__).parents[3] / "examples"


class Listening:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notes: list[str] = []

    def started(self, phase: str) -> None:
        self.phases.append(phase)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, phase: str) -> None:
        pass

    def failed(self, phase: str) -> None:
        self.notes.append(f"{phase} failed")


def test_from_iso_to_passing_examples(recipe: Recipe, store: Store, tmp_path: Path) -> None:
    """The whole way: discs looked at, installed with two restarts, proven on virtio, sealed, used by the examples."""
    script = tmp_path / "look-around.cmd"
    script.write_bytes(b"@findstr here C:\\ProgramData\\openssh.txt\r\n")
    progress = Listening()

    image = build(
        replace(recipe, openssh=openssh_package(tmp_path, INSTALL_SSHD), extra_scripts=(script,)), progress, store
    )

    assert [phase for phase in progress.phases if phase in diagnosis.PHASES] == list(diagnosis.PHASES)
    assert stat.S_IMODE(image.stat().st_mode) == 0o444
    assert disk.inspect(image).virtual_size == 64 << 30
    note = records.read(records.beside(image))
    assert note is not None
    assert note["account"] == {"user": "smolvm", "password": "smolvm"}
    assert note["system"]["edition"] == "Windows 11 Pro"
    assert note["steps"]["openssh"] == "ok"
    assert len(list((tmp_path / "win11.qcow2.screens").glob("*.png"))) >= 4
    assert not (tmp_path / ".win11.qcow2.building").exists()
    environment = {**os.environ, "SMOLVM_HOME": str(store.root)}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--smolvm-image={image}",
        str(EXAMPLES),
    ]
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]
