"""The per-user environment store of a guest: HKCU\\Environment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import paramiko

from pytest_smolvm import commands, files, windows

_KEY = r"HKEY_CURRENT_USER\Environment"


def write(transport: commands.Transport, sftp: paramiko.SFTPClient, variables: Mapping[str, str]) -> None:
    """Store `variables` for the user; an empty value deletes, as SetEnvironmentVariable has it.

    sshd reads the store once per connection, so only a new connection sees them.

    :raises UsageError: a name or value that Windows cannot have.
    :raises CommandFailed: the guest refused.
    """
    windows.check_environment(variables)
    # A .reg file: no quoting to get wrong, no PowerShell to start, all variables in one go, and their values are
    # never part of a command line.
    home = files.home(sftp)
    path = rf"{home}\.smolvm-{uuid.uuid4().hex[:12]}.reg"
    files.write(sftp, path, windows.registry_file(_KEY, {name: value or None for name, value in variables.items()}))
    try:
        commands.run(transport, f'reg.exe import "{path}"', shell="cmd", timeout=60).check()
    finally:
        sftp.remove(files.sftp_path(path))
