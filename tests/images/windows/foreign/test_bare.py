"""A disk without an SSH server, on which something else answers: QEMU's own guest agent, or WinRM.

The practice disk's programs are Windows'; its WinRM is the tests' own responder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BuildError, GuestDied, GuestUnreachable, HostError, SmolVMError, TimedOut
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.images.windows.foreign import system
from pytest_smolvm.images.windows.foreign.bare import BareSystem
from pytest_smolvm.images.windows.foreign.bring import bring
from pytest_smolvm.images.windows.foreign.plan import plan
from pytest_smolvm.images.windows.foreign.wish import Wish
from tests.booted.conftest import guest_processes
from tests.images.windows import installer_disc
from tests.images.windows.discs import openssh_package
from tests.images.windows.foreign import practice, remote
from tests.images.windows.foreign.test_plan import BOX
from tests.images.windows.test_installation import Listening

# Like Win32-OpenSSH's: it makes a service. On the practice disk that is what its own server waits for.
INSTALL_SSHD = r"""
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
param ()
if (-not $PSCmdlet.ShouldProcess('the host keys', 'repair')) { throw 'nobody agreed' }
& sc.exe create sshd binPath= "$PSScriptRoot\sshd.exe" start= auto
if ($LASTEXITCODE) { throw "sc.exe ended with $LASTEXITCODE" }
"""
GONE: Any = None  # what importing a module of this name then fails for
SUITE = r"""
def test_nothing_of_ours_is_left(windows_vm):
    assert windows_vm.run("hostname.exe").exit_code == 0
    assert windows_vm.run(r"Test-Path C:\Program*\OpenSSH\install-sshd.ps1").stdout.strip() == "True"
    assert windows_vm.run(r"Test-Path C:\ProgramData\smolvm\setup").stdout.strip() == "False"
"""


@pytest.fixture(name="bare")
def _bare(store: Store, tmp_path: Path) -> Callable[..., Path]:
    """The practice disk without its SSH server, by what answers instead."""

    def made(entrance: str, **words: str) -> Path:
        plain = practice.whole(practice_image(store, Silent()), tmp_path / "plain")
        work = tmp_path / "work"
        work.mkdir()
        if entrance == "WinRM":
            remote.with_winrm(plain, work, **words)
        else:
            installer_disc.make_bare(plain, work)
        assert system.look(plain).ssh == ""
        return plain

    return made


def refused(source: Path, store: Store, **words: Any) -> BuildError:
    """What is said of one that is not let in, or lets nobody install anything; nothing is sealed."""
    output = source.with_name("win.qcow2")
    with pytest.raises(BuildError) as caught:
        bring(Wish(source=source, output=output, **words), Silent(), store)
    assert not output.exists()
    assert [] == guest_processes(source.parent)
    return caught.value


@pytest.mark.slow  # two starts and a bake: minutes
@pytest.mark.parametrize("entrance", ["guest agent", "WinRM"])
def test_its_server_is_installed_through_what_answers(
    bare: Callable[..., Path], store: Store, tmp_path: Path, entrance: str
) -> None:
    """By a script of ours on a disc; then it is proven and sealed as any other disk, and tests run on it."""
    progress, output = Listening(), tmp_path / "win.qcow2"
    package = openssh_package(tmp_path, INSTALL_SSHD)

    bring(Wish(source=bare(entrance), output=output, openssh=package), progress, store)

    assert progress.phases[1:4] == [
        f"starting from virtio by uefi, for its {entrance}",
        "installing an SSH server",
        "starting from virtio by uefi",
    ]
    record = records.read(records.beside(output))
    assert record is not None
    assert record["steps"]["openssh"] == "ok"
    assert record["guest"]["bus"] == "virtio"
    assert [] == guest_processes(tmp_path)
    assert not (tmp_path / ".win.qcow2.importing").exists()
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_it.py").write_text(SUITE, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--smolvm-image={output}"]
    environment = {**os.environ, "SMOLVM_HOME": str(store.root)}
    run = subprocess.run(
        [*words, tmp_path / "suite"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]


@pytest.mark.parametrize("entrance", ["guest agent", pytest.param("WinRM", marks=pytest.mark.slow)])
def test_a_server_that_cannot_be_installed(
    bare: Callable[..., Path], store: Store, tmp_path: Path, entrance: str
) -> None:
    """Its installer's own words are in the error."""
    package = openssh_package(tmp_path, "throw 'this build of Windows is too old'")

    error = refused(bare(entrance), store, openssh=package)

    assert error.phase == "installing an SSH server"
    assert "this build of Windows is too old" in error.what


@pytest.mark.slow  # a start
@pytest.mark.parametrize(
    ("ways", "password", "told"),
    [
        ("Basic", "guess-0815", "wrong user or password"),
        ("Negotiate", "smolvm", "it offers negotiate (to have it take Basic: winrm set"),
    ],
    ids=["wrong password", "no Basic"],
)
def test_a_winrm_that_lets_nobody_in(
    bare: Callable[..., Path], store: Store, ways: str, password: str, told: str
) -> None:
    """What to set is told, and the password is nowhere."""
    error = refused(bare("WinRM", ways=ways), store, user="smolvm", password=password)

    assert error.phase == "starting"
    assert told in error.what
    assert "--password-file" in error.advice
    assert "guess-0815" not in str(error)
    assert error.evidence is not None
    logs = [path.read_bytes() for path in error.evidence.iterdir() if path.suffix == ".log"]
    assert not [log for log in logs if b"guess-0815" in log]


class PlayedEntrance:
    """A way in that leads nowhere, or is open."""

    def __init__(self, name: str, error: SmolVMError | None = None) -> None:
        self._name, self._error = name, error

    @property
    def name(self) -> str:
        return self._name

    def wait(self, timeout: float) -> None:
        if self._error is not None:
            raise self._error

    def install(self, stage: str, timeout: float) -> None:
        raise NotImplementedError

    def ask(self, line: str) -> str:
        raise NotImplementedError

    def leave(self, line: str) -> None:
        raise NotImplementedError


@pytest.fixture(name="system_without_server")
def _system_without_server(tmp_path: Path) -> BareSystem:
    found = replace(BOX, ssh="", agent=True, winrm=True)
    source = tmp_path / "win.box"
    source.touch()
    wish = Wish(source=source, output=tmp_path / "win.qcow2")
    return BareSystem(found, plan(found, wish), wish)


@pytest.mark.parametrize(
    ("first", "opened"),
    [
        (TimedOut("the guest agent to answer", 3), "second"),
        (GuestDied("the guest is gone", "its log"), None),
        (GuestUnreachable("no answer that makes sense"), None),
    ],
    ids=["silent", "gone", "lost"],
)
def test_what_becomes_of_a_system_that_does_not_answer(
    system_without_server: BareSystem, tmp_path: Path, first: SmolVMError, opened: str | None
) -> None:
    """Its other entrances are tried while it is there, and its other devices in any case; the picture is kept."""
    failures: list[str] = []
    pictures: list[Path] = []
    machine: Any = SimpleNamespace(
        display=SimpleNamespace(picture=pictures.append), files=SimpleNamespace(picture=tmp_path / "screen.png")
    )
    entrances = [PlayedEntrance("first", first), PlayedEntrance("second")]

    found = system_without_server.first_open(entrances, machine, "sata", failures, Silent())

    assert (found.name if found is not None else None) == opened
    assert failures == [f"on sata devices: {str(first).splitlines()[0]}"]
    assert pictures == [tmp_path / "screen.png"]


def test_winrm_without_its_library(system_without_server: BareSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told at once, and the other way is gone; if it is the only one, nothing is started."""
    monkeypatch.setitem(sys.modules, "winrm", GONE)
    only = replace(system_without_server, wanted=replace(system_without_server.wanted, through=("winrm",)))

    ways, failures = system_without_server.ways()

    assert ways == ("agent",)
    assert [failure.partition(", ")[0] for failure in failures] == ["its WinRM is not tried: pywinrm is not installed"]
    with pytest.raises(HostError, match="pywinrm is not installed"):
        only.ways()
