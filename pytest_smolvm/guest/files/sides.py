"""The two sides on which a tree is put in place: the guest, over SFTP, and this host."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_smolvm.errors import TransferError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.files import filesystem, renaming
from pytest_smolvm.guest.link.sftp import Sftp, SftpAttributes, asking, sftp_path


class There:
    """The guest's side of a merge."""

    def __init__(self, sftp: Sftp) -> None:
        self._sftp = sftp

    def kinds(self, directory: str) -> dict[str, bool] | None:
        """What is in a directory, and whether it is one itself; None if there is no such directory."""
        found = filesystem.find(self._sftp, directory)
        if found is None:
            return None
        if not found.is_directory:
            raise TransferError(f"{directory} is a file of the guest, where a directory is to be")
        with asking(self._sftp, "list", directory):
            inside = self._sftp.listdir_attr(sftp_path(directory))
        return {item.filename: self._is_directory(directory, item) for item in inside}

    def _is_directory(self, directory: str, item: SftpAttributes) -> bool:
        mode = item.st_mode or 0
        # What is put into a link goes where it leads. To Windows' sshd a junction is no link but a directory.
        if stat.S_ISLNK(mode):
            found = filesystem.find(self._sftp, names.joined(directory, item.filename))
            return found is not None and found.is_directory
        return stat.S_ISDIR(mode)

    def same(self, name: str) -> str:
        """What two names of one thing have in common."""
        return names.folded(name)

    def join(self, directory: str, name: str) -> str:
        """The path of something in a directory."""
        return names.joined(directory, name)

    def has(self, path: str) -> bool:
        """Whether there is anything."""
        return filesystem.find(self._sftp, path) is not None

    def move(self, source: str, target: str) -> None:
        """Rename it."""
        renaming.move(self._sftp, source, target)


class Here:
    """The host's side of a merge."""

    def kinds(self, directory: str) -> dict[str, bool] | None:
        """What is in a directory, and whether it is one itself; None if there is no such directory."""
        if not os.path.lexists(directory):
            return None
        try:
            with os.scandir(directory) as inside:
                return {item.name: item.is_dir() for item in inside}
        except OSError as exc:
            raise TransferError(f"{directory} cannot be written: {exc.strerror}") from exc

    def same(self, name: str) -> str:
        """What two names of one thing have in common."""
        return name

    def join(self, directory: str, name: str) -> str:
        """The path of something in a directory."""
        return os.path.join(directory, name)

    def has(self, path: str) -> bool:
        """Whether there is anything."""
        return os.path.lexists(path)

    def move(self, source: str, target: str) -> None:
        """Rename it."""
        try:
            Path(source).rename(target)
        except OSError as exc:
            raise TransferError(f"{target} cannot be written: {exc.strerror}") from exc
