"""The registry of a guest, over reg.exe and registry files: no PowerShell is started, nothing needs quoting."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from pytest_smolvm.errors import RegistryError, TransferError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.files import file, filesystem
from pytest_smolvm.guest.link.channels import ANSWER_SECONDS
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.system import regfile
from pytest_smolvm.guest.system.regfile import Data, RegistryValue


class Registry:
    r"""The guest's registry. Keys are named as in ``HKLM\SOFTWARE\App``, ``HKCU:\Software\App`` or in full.

    Reading asks reg.exe for the key with all that is below it, since it offers no less that is exact: name a key near
    to what is wanted.

    :param using: lends the connection for the length of a block.
    """

    def __init__(self, using: Callable[[], AbstractContextManager[Ssh]]) -> None:
        self._using = using

    def read(self, key: str, name: str = "") -> RegistryValue:
        """A value with its type; the name "" is the key's default value.

        :raises RegistryError: there is none.
        """
        found = self.find(key, name)
        if found is None:
            raise RegistryError(
                f"the guest's registry has no value {name!r} in {regfile.full_key(key)}, or no such key"
            )
        return found

    def find(self, key: str, name: str = "") -> RegistryValue | None:
        """As :meth:`read`; None if there is none."""
        regfile.check_name(name)
        values = self._load(key) or {}
        return {names.folded(known): value for known, value in values.items()}.get(names.folded(name))

    def values(self, key: str) -> dict[str, RegistryValue]:
        """All values of a key, by name.

        :raises RegistryError: there is no such key.
        """
        values = self._load(key)
        if values is None:
            raise RegistryError(f"the guest's registry has no key {regfile.full_key(key)}")
        return values

    def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        full = regfile.full_key(key)
        if _askable(full) != full:
            return self._load(key) is not None
        with self._using() as ssh:
            return run.run(ssh, f'reg.exe query "{full}" >nul', shell="cmd", timeout=ANSWER_SECONDS).exit_code == 0

    def write(self, key: str, name: str, data: Data, kind: str | None = None) -> None:
        """Set a value; a missing key is created.

        :param data: a str becomes REG_SZ, an int REG_DWORD (REG_QWORD if it is larger), bytes REG_BINARY, a list of str
            REG_MULTI_SZ.
        :param kind: the type, if it is to be another: ``REG_EXPAND_SZ``, ``REG_QWORD``, ``REG_NONE``.
        :raises UsageError: there is no such type, or it cannot hold that.
        :raises RegistryError: the guest refused.
        """
        full = regfile.full_key(key)
        regfile.check_name(name)
        with self._using() as ssh:
            store(ssh, full, {name: RegistryValue.of(data, kind)})

    def delete(self, key: str, name: str | None = None) -> None:
        """Delete a value, or with no name the key with all below it; fine if there is none.

        :raises RegistryError: the guest refused.
        """
        full = regfile.full_key(key)
        if name is not None:
            regfile.check_name(name)
        with self._using() as ssh:
            _import(ssh, regfile.render_deletion(full) if name is None else regfile.render(full, {name: None}), full)

    def _load(self, key: str) -> dict[str, RegistryValue] | None:
        full = regfile.full_key(key)
        with self._using() as ssh:
            return load(ssh, full)


def load(ssh: Ssh, key: str) -> dict[str, RegistryValue] | None:
    """The values of `key`, given in full; None if there is no such key."""
    path = _file(ssh)
    with filesystem.aside(ssh.sftp, path):
        result = run.run(ssh, f'reg.exe export "{_askable(key)}" "{path}" /y >nul', shell="cmd", timeout=ANSWER_SECONDS)
        if result.exit_code != 0:
            return None
        try:
            exported = regfile.parse(file.read(ssh.sftp, path))
        except TransferError as exc:
            raise RegistryError(f"reg.exe exported nothing of {key}: {result.stderr.strip()}") from exc
    wanted = names.folded(key)
    return next((values for name, values in exported.items() if names.folded(name) == wanted), None)


def store(ssh: Ssh, key: str, values: Mapping[str, RegistryValue | None]) -> None:
    """Set the values of `key`, given in full, and delete those that are None.

    :raises RegistryError: the guest refused.
    """
    _import(ssh, regfile.render(key, values), key)


def _import(ssh: Ssh, content: bytes, key: str) -> None:
    path = _file(ssh)
    with filesystem.aside(ssh.sftp, path):
        file.write(ssh.sftp, path, content)
        result = run.run(ssh, f'reg.exe import "{path}"', shell="cmd", timeout=ANSWER_SECONDS)
    if result.exit_code != 0:
        raise RegistryError(f"the guest refused to change {key}: {(result.stderr or result.stdout).strip()}")


def _file(ssh: Ssh) -> str:
    return names.joined(filesystem.home(ssh.sftp), f".{uuid.uuid4().hex[:12]}.reg")


def _askable(key: str) -> str:
    """`key`, or the one above it that cmd.exe can be told about: it expands ``%NAME%`` even in quotes."""
    return key.partition("%")[0].rpartition("\\")[0] if "%" in key else key
