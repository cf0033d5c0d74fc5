"""Secrets that are given to us are in no traceback, whatever fails while we have them.

What a failing run as a whole shows is tests/booted/test_secrets.py.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from pytest_smolvm import GuestSpec, RegistryValue, SmolVM
from pytest_smolvm.errors import GuestUnreachable, LoginError, SmolVMError, StoreError, TransferError, UsageError
from pytest_smolvm.guest.commands import resident
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.link import arrival
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.guest.system import environment
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.store import default_root
from pytest_smolvm.images.windows.recipe import Recipe
from pytest_smolvm.plugin import wants
from tests.guest.commands.transport import Printing
from tests.guest.link.sshd import listening, serving
from tests.shown import everything

# Not in a variable of any function here: those are shown as well.
SECRET = "S3CR3T-4711"
HEXADECIMAL = ",".join(f"{byte:02x}" for byte in SECRET.encode("utf-16-le"))
"""As it is written to the guest."""
VARIABLES = {"TOKEN": SECRET}
SPEC = GuestSpec(image=Path("/x.qcow2"))

DOORS: dict[str, Callable[[], object]] = {
    "SmolVM: no image": lambda: SmolVM(ssh_password=SECRET, env_vars=VARIABLES),
    "SmolVM: no memory": lambda: SmolVM(image="x", ssh_password=SECRET, env_vars=VARIABLES, memory=1),
    "SmolVM: a slip of the pen": lambda: SmolVM(image="x", enviroment=VARIABLES),
    "GuestSpec": lambda: GuestSpec(image=Path("x"), ssh_password=SECRET, env_vars=VARIABLES, memory=1),
    "having": lambda: SPEC.having(ssh_password=SECRET, env_vars=VARIABLES, cpus=0),
    "having: a slip of the pen": lambda: SPEC.having(password=SECRET),
    "env_vars: PATH": lambda: SPEC.having(env_vars={"PATH": SECRET}),
    "env_vars: a value that is none": lambda: SPEC.having(env_vars={"TOKEN": f"{SECRET}\0"}),
    "set_env: a name that is none": lambda: environment.write(Printing(), {"A=B": SECRET}),  # type: ignore[arg-type]
    "set_env: a scope that is none": lambda: environment.write(Printing(), VARIABLES, "all"),  # type: ignore[arg-type]
    "set_env: no guest": lambda: SmolVM(image="x").set_env(VARIABLES),
    "windows_vm_spec": lambda: wants.of_suite({"env_vars": VARIABLES, "colour": "red"}),
    "the marker": lambda: wants.marked(marked(env_vars=VARIABLES, colour="red")),
    "build-image": lambda: Recipe(iso=Path("x"), virtio_iso=Path("y"), output=Path("z"), password=SECRET, uac="no"),
}


def marked(**said: Any) -> Any:
    """A test with a marker."""
    mark = pytest.mark.windows_vm(**said).mark
    return SimpleNamespace(nodeid="test_x", listchain=lambda: [SimpleNamespace(own_markers=[mark])])


@pytest.mark.parametrize("door", DOORS)
def test_what_is_refused_shows_no_secret(door: str) -> None:
    with pytest.raises(UsageError) as caught:
        DOORS[door]()

    assert SECRET not in everything(caught.value)


def test_what_is_public_shows_no_secret() -> None:
    vm = SmolVM(image="x", ssh_password=SECRET, env_vars=VARIABLES)

    assert vm.spec.ssh_password == SECRET
    assert vm.spec.env_vars == VARIABLES
    for shown in (vm, vm.spec, vm.spec.ssh_password, vm.spec.env_vars, vm.spec.having(cpus=1).env_vars):
        assert SECRET not in repr(shown)
    assert SECRET not in repr(RegistryValue(Secret(SECRET), "REG_SZ"))


def test_a_refused_login_shows_and_logs_no_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with listening(serving()) as account, pytest.raises(LoginError) as caught:
        machine: Any = SimpleNamespace(ssh_port=account.port, check=lambda: None)
        arrival.login(machine, SPEC.having(ssh_password=SECRET), 20.0)

    assert "paramiko" in everything(caught.value)
    assert SECRET not in everything(caught.value) + caplog.text
    assert "(password) failed" in caplog.text


class Full(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """A guest whose disk is full."""

    def canonicalize(self, path: str) -> str:
        return "/C:/Users/smolvm"

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        directory = paramiko.SFTPAttributes()
        directory.st_mode = 0o40755
        return directory if path.endswith("smolvm") else int(paramiko.SFTP_NO_SUCH_FILE)

    lstat = stat

    def open(self, path: str, flags: int, attr: object) -> paramiko.SFTPHandle:
        return FullFile(flags)


class FullFile(paramiko.SFTPHandle):  # type: ignore[misc]
    """A file that takes nothing."""

    written = b""

    def write(self, offset: int, data: bytes) -> int:
        FullFile.written += data
        return int(paramiko.SFTP_FAILURE)


def test_variables_that_do_not_arrive_are_not_shown() -> None:
    with listening(serving(files=Full)) as account, closing(wait_for_login(account, timeout=20.0)) as ssh:
        with pytest.raises(TransferError, match="write") as caught:
            environment.write(ssh, VARIABLES)

    shown = everything(caught.value)
    assert HEXADECIMAL in FullFile.written.decode("utf-16")
    assert not [word for word in (SECRET, HEXADECIMAL, repr(FullFile.written)) if word in shown]
    assert "could not write" in shown


def test_what_the_resident_is_told_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: SECRET)
    broken: Any = Printing(error=GuestUnreachable("it broke"))
    with pytest.raises(GuestUnreachable) as caught:
        resident.start(broken)
    assert SECRET not in everything(caught.value)

    def tunnel(*_: object) -> Any:
        return SimpleNamespace(sendall=refuse, close=lambda: None)

    def refuse(data: bytes) -> None:
        raise OSError("it broke")

    with pytest.raises(SmolVMError) as lost:
        Resident(tunnel, Endpoint((1,), SECRET)).warm_up()
    assert SECRET not in everything(lost.value) + repr(Endpoint((1,), SECRET))


def test_a_store_without_a_home_does_not_show_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("SMOLVM_SSH_PASSWORD", SECRET)
    for name in ("SMOLVM_STORE", "SMOLVM_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)

    with pytest.raises(StoreError) as caught:
        default_root()

    assert SECRET not in everything(caught.value)


def test_an_error_keeps_its_words_and_causes_where_frames_are_dropped() -> None:
    def fail(secret: str) -> None:
        try:
            raise KeyError(f"{len(secret)} letters")
        except KeyError as exc:
            raise ValueError("no") from exc

    with pytest.raises(ValueError, match="no") as caught, unseen():
        fail(SECRET)

    shown = everything(caught.value)
    assert "KeyError: '11 letters'" in shown
    assert SECRET not in shown
    assert SECRET in everything(raised_by(lambda: fail(SECRET)))  # what it is good for


def raised_by(what: Callable[[], object]) -> BaseException:
    with pytest.raises(ValueError, match="no") as caught:
        what()
    return caught.value
