"""A generalized disk, as Microsoft's evaluation disks are: its first start is gone through, and tests run on what comes.

The practice disk behaves as Windows does there: it looks for answers on discs, runs their commands, and without them, or
when they lack something, it shows a page and waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_smolvm.errors import BuildError
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.images.practice.kernel import KernelFiles
from pytest_smolvm.images.windows.foreign import system
from pytest_smolvm.images.windows.foreign.bring import bring
from pytest_smolvm.images.windows.foreign.wish import Wish
from tests.booted.conftest import guest_processes
from tests.images.windows import installer_disc
from tests.images.windows.conftest import STALL
from tests.images.windows.discs import openssh_package, virtio_iso
from tests.images.windows.foreign import practice
from tests.images.windows.test_installation import INSTALL_SSHD, PASSWORD, Listening, holds

SUITE = """
def test_who_is_there(windows_vm):
    assert windows_vm.run("whoami.exe").stdout.strip().endswith("smolvm")
    assert windows_vm.read_text(r"C:\\ProgramData\\openssh.txt").strip() == "was here"
"""


@pytest.fixture(name="generalized")
def _generalized(store: Store, kernel: KernelFiles, tmp_path: Path) -> Callable[[str], Path]:
    """A VHDX with the practice disk, in a state as Sysprep leaves it."""

    def made(state: str) -> Path:
        work = tmp_path / "work"
        work.mkdir()
        plain = practice.whole(practice_image(store, Silent()), tmp_path / "plain")
        installer_disc.generalize(plain, kernel, work, state)
        assert system.look(plain).generalized
        source = practice.converted(plain, tmp_path / "evaluation.vhdx", "-O", "vhdx")
        plain.unlink()
        return source

    return made


@pytest.mark.slow  # four starts and a bake: minutes
def test_its_first_start_is_gone_through(generalized: Callable[[str], Path], store: Store, tmp_path: Path) -> None:
    """By an answer disc with account and SSH server; a password of one's own is nowhere in what is sealed."""
    progress, output = Listening(), tmp_path / "win.qcow2"
    package = openssh_package(tmp_path, INSTALL_SSHD)
    wish = Wish(
        source=generalized("generalized"),
        output=output,
        user="smolvm",
        password=PASSWORD,
        openssh=package,
        virtio_iso=virtio_iso(tmp_path / "virtio-win.iso"),
        stall=STALL * 3,
    )

    bring(wish, progress, store)

    assert progress.phases[1:7] == [
        "making the answer disc",
        "firmware",
        "getting devices ready",
        "first logon",
        "shutting down",
        "starting from virtio by uefi",
    ]
    record = records.read(records.beside(output))
    assert record is not None
    assert record["account"] == {"user": "smolvm"}
    assert (record["steps"]["openssh"], record["steps"]["answer files"]) == ("ok", "ok")
    # They are for Windows; the practice disk has its own, for SATA, which it is started from here, and for virtio.
    assert "drivers" in record["steps"]
    assert record["guest"]["bus"] == "virtio"
    assert [] == guest_processes(tmp_path)
    assert not (tmp_path / ".win.qcow2.importing").exists()
    raw = tmp_path / "sealed.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", output, raw], check=True)
    assert [] == [code for code in ("utf-8", "utf-16-le") if holds(raw, PASSWORD.encode(code))]
    raw.unlink()
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_it.py").write_text(SUITE, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--smolvm-image={output}"]
    environment = {**os.environ, "SMOLVM_HOME": str(store.root), "SMOLVM_SSH_PASSWORD": PASSWORD}
    run = subprocess.run(
        [*words, tmp_path / "suite"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]


def test_a_page_that_waits(generalized: Callable[[str], Path], store: Store, tmp_path: Path) -> None:
    """Told after the patience with silence, with its picture; nothing is at the output, and nothing at work."""
    output = tmp_path / "win.qcow2"

    with pytest.raises(BuildError) as caught:
        bring(Wish(source=generalized("generalized-page"), output=output, stall=STALL), Silent(), store)

    assert caught.value.phase == "getting devices ready"
    assert "Windows shows a page that waits" in caught.value.what
    assert caught.value.evidence == tmp_path / "win.qcow2.failed"
    kept = {path.name for path in caught.value.evidence.iterdir()}
    assert "first-start-serial.log" in kept
    assert any(name.endswith("last.png") for name in kept)
    assert not output.exists()
    assert not (tmp_path / ".win.qcow2.importing").exists()
    assert [] == guest_processes(tmp_path)
