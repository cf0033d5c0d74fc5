"""The environment that a guest keeps in its registry, for the user or the whole machine.

sshd reads it once per connection (Win32-OpenSSH, setup_session_env), so only a new connection sees what was written.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.system import registry
from pytest_smolvm.guest.system.regfile import RegistryValue
from pytest_smolvm.host.secret import masked, unseen

_KEYS = {
    "user": r"HKEY_CURRENT_USER\Environment",
    "machine": r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Environment",
}
_PATH = "Path"


def write(ssh: Ssh, variables: Mapping[str, str], scope: str = "user") -> None:
    """Store `variables`; an empty value deletes, as SetEnvironmentVariable has it.

    :param scope: ``user`` or ``machine``.
    :raises UsageError: a name or value that Windows cannot have, or PATH.
    :raises RegistryError: the guest refused.
    """
    variables = masked(variables)
    names.check_environment(variables)
    key = _key(scope)
    with unseen():
        registry.store(
            ssh, key, {name: RegistryValue(value, "REG_SZ") if value else None for name, value in variables.items()}
        )


def read(ssh: Ssh, name: str, scope: str = "user") -> str | None:
    """A variable as it is stored, with its percent signs; None if there is none."""
    return _text(_find(ssh, name, scope))


def add_to_path(ssh: Ssh, directory: str, scope: str = "user", *, first: bool = False) -> bool:
    """Put `directory` at the end of PATH, or in `first` place; as it is if it is in there already.

    The value keeps its type, so that ``%SystemRoot%`` in it stays alive.

    :returns: whether PATH has changed.
    """
    _check_directory(directory)
    found, entries = _path(ssh, scope)
    if _same(directory) in map(_same, entries):
        return False
    _store_path(ssh, scope, found, [directory, *entries] if first else [*entries, directory])
    return True


def remove_from_path(ssh: Ssh, directory: str, scope: str = "user") -> bool:
    """Take `directory` out of PATH; as it is if it is not in there.

    :returns: whether PATH has changed.
    """
    _check_directory(directory)
    found, entries = _path(ssh, scope)
    left = [entry for entry in entries if _same(entry) != _same(directory)]
    if left == entries:
        return False
    _store_path(ssh, scope, found, left)
    return True


def _find(ssh: Ssh, name: str, scope: str) -> RegistryValue | None:
    values = registry.load(ssh, _key(scope)) or {}
    return next((value for known, value in values.items() if names.folded(known) == names.folded(name)), None)


def _path(ssh: Ssh, scope: str) -> tuple[RegistryValue | None, list[str]]:
    found = _find(ssh, _PATH, scope)
    return found, [entry for entry in (_text(found) or "").split(";") if entry]


def _store_path(ssh: Ssh, scope: str, found: RegistryValue | None, entries: list[str]) -> None:
    # REG_EXPAND_SZ is what Windows itself makes PATH.
    value = RegistryValue(";".join(entries), "REG_EXPAND_SZ" if found is None else found.kind)
    names.check_environment({"new value of PATH": str(value.data)})
    registry.store(ssh, _key(scope), {_PATH: value if entries else None})


def _text(value: RegistryValue | None) -> str | None:
    return None if value is None else str(value.data)


def _key(scope: str) -> str:
    if scope not in _KEYS:
        raise UsageError(f"scope={scope!r} is not one of {', '.join(_KEYS)}")
    return _KEYS[scope]


def _check_directory(directory: str) -> None:
    if not directory or any(c in ';"' or ord(c) < 32 for c in directory):
        raise UsageError(f"{directory!r} cannot be an entry of PATH")


def _same(directory: str) -> str:
    return names.folded(directory.strip('"').replace("/", "\\").rstrip("\\"))
