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
PASSWORD = "Correct-Horse-7!"
_PIECE = 16 << 20
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


def holds(disk_file: Path, words: bytes) -> bool:
    """Whether these bytes are anywhere on a raw disk, which is read where it has something."""
    with open(disk_file, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        at, before = 0, b""
        while at < end:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return False  # nothing more
            before = before if start == at else b""
            piece = before + os.pread(file.fileno(), _PIECE, start)
            if words in piece:
                return True
            at, before = start + len(piece) - len(before), piece[-len(words) :]
    return False


def test_from_iso_to_passing_examples(recipe: Recipe, store: Store, tmp_path: Path) -> None:
    """The whole way: discs looked at, installed with two restarts, proven on virtio, sealed, used by the examples.

    The installer leaves the answer file where Windows does; the password is nowhere in what is sealed.
    """
    script = tmp_path / "look-around.cmd"
    script.write_bytes(b"@findstr here C:\\ProgramData\\openssh.txt\r\n")
    progress = Listening()

    package = openssh_package(tmp_path, INSTALL_SSHD)
    image = build(
        replace(recipe, openssh=package, extra_scripts=(script,), password=PASSWORD), progress, store
    )  # fmt: skip

    phases = [phase for phase in progress.phases if phase in diagnosis.PHASES]
    assert phases == [phase for phase in diagnosis.PHASES if phase in phases]  # in their order, and each once
    # The practice installer copies for seconds: on a busy host that may be over between two looks.
    assert {*diagnosis.PHASES} - {diagnosis.COPYING} <= {*phases}
    assert stat.S_IMODE(image.stat().st_mode) == 0o444
    assert disk.inspect(image).virtual_size == 64 << 30
    note = records.read(records.beside(image))
    assert note is not None
    assert note["account"] == {"user": "smolvm"}
    assert note["steps"]["answer files"] == "ok"
    assert note["system"]["edition"] == "Windows 11 Pro"
    assert note["steps"]["openssh"] == "ok"
    assert len(list((tmp_path / "win11.qcow2.screens").glob("*.png"))) >= 4
    assert not (tmp_path / ".win11.qcow2.building").exists()
    raw = tmp_path / "sealed.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True)
    assert holds(raw, b"was here")
    assert [] == [code for code in ("utf-8", "utf-16-le") if holds(raw, PASSWORD.encode(code))]
    raw.unlink()
    environment = {**os.environ, "SMOLVM_HOME": str(store.root), "SMOLVM_SSH_PASSWORD": PASSWORD}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--smolvm-image={image}",
        "-m",
        "not slow",
        str(EXAMPLES),
    ]
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]
