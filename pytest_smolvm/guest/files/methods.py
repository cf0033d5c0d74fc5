"""The guest object's methods for files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_smolvm.errors import SmolVMError, TransferError, TransferInterrupted
from pytest_smolvm.guest import names
from pytest_smolvm.guest.files import file, filesystem, removal, tree
from pytest_smolvm.guest.files.file import OnBytes
from pytest_smolvm.guest.files.filesystem import FileStat
from pytest_smolvm.guest.files.text import decoded, encoded
from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.host.waiting import PATIENCE, until_seen


class FileMethods(GuestMethods):
    r"""Files of a guest. Paths are absolute Windows paths: ``C:\x`` or ``C:/x``, text or pathlib's PureWindowsPath.

    Every method raises UsageError for a path that Windows cannot have, TransferError if the guest (or, for downloads,
    the host) refuses, and GuestUnreachable if the connection breaks. Whatever fails leaves all as it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self._left: list[str] = []
        """Directories of ours in the guest that could not be removed when it was time."""

    def upload_file(
        self, local: str | os.PathLike[str], remote: GuestPath, *, verify: bool = False, progress: OnBytes | None = None
    ) -> None:
        r"""Copy a file of the host to an absolute Windows path; missing directories are created. All or nothing.

        Its time, to the second, and read-only mark go with it.

        :param verify: read it back and compare checksums before it takes its place.
        :param progress: called with the bytes sent so far and those there are.
        """
        with self._transferring() as ssh:
            left = file.upload(ssh.sftp, local, remote, verify=verify, progress=progress)
        self._note_left(remote, left)

    def upload_dir(
        self, local: str | os.PathLike[str], remote: GuestPath, *, verify: bool = False, progress: OnBytes | None = None
    ) -> None:
        """Copy a directory with all that is in it, into the one called `remote` if that exists. All or nothing.

        Symbolic links are followed. The whole tree is checked for what Windows cannot have before anything is sent.
        Files of a running program are replaced, too. What it still holds is moved aside, a warning says where, and the
        next transfer that finds it free removes it.

        :param verify: read all files back and compare checksums before they take their place.
        :param progress: called with the bytes sent so far and those there are.
        """
        with self._transferring() as ssh:
            left = tree.upload(ssh, local, remote, verify=verify, progress=progress)
        self._note_left(remote, left)

    def download_file(
        self, remote: GuestPath, local: str | os.PathLike[str], *, verify: bool = False, progress: OnBytes | None = None
    ) -> None:
        """Copy a file of the guest to the host; missing directories are created. All or nothing.

        :param verify: read it twice and compare checksums.
        :param progress: called with the bytes received so far and those there are.
        """
        with self._transferring() as ssh:
            file.download(ssh.sftp, remote, local, verify=verify, progress=progress)

    def download_dir(
        self, remote: GuestPath, local: str | os.PathLike[str], *, verify: bool = False, progress: OnBytes | None = None
    ) -> None:
        """Copy a directory of the guest with all that is in it, into the one called `local` if that exists.

        All or nothing. Symbolic links are followed.

        :param verify: read it twice and compare checksums.
        :param progress: called with the bytes received so far, twice: how many are to come is not known.
        """
        with self._transferring() as ssh:
            tree.download(ssh, remote, local, verify=verify, progress=progress)

    def write_text(self, remote: GuestPath, text: str, encoding: str = "utf-8") -> None:
        """Make `text` the content of a file; missing directories are created.

        :raises UsageError: there is no such encoding, or it cannot hold that text.
        """
        self.write_bytes(remote, encoded(text, encoding, names.absolute(remote)))

    def read_text(self, remote: GuestPath, encoding: str | None = None) -> str:
        """The content of a text file.

        :param encoding: None: UTF-8, or UTF-16 if the file begins with its byte order mark.
        :raises TransferError: it is not text in that encoding; files in a code page of Windows need it named.
        """
        return decoded(self.read_bytes(remote), encoding, names.absolute(remote))

    def write_bytes(self, remote: GuestPath, content: bytes) -> None:
        """Make `content` the content of a file; missing directories are created."""
        with self._transferring() as ssh:
            left = file.write(ssh.sftp, remote, content)
        self._note_left(remote, left)

    def read_bytes(self, remote: GuestPath) -> bytes:
        """The content of a file."""
        with self._using() as ssh:
            return file.read(ssh.sftp, remote)

    def exists(self, remote: GuestPath) -> bool:
        """Whether there is a file or directory."""
        with self._using() as ssh:
            return filesystem.find(ssh.sftp, remote) is not None

    def stat(self, remote: GuestPath) -> FileStat:
        """Size, time of last change, kind and read-only mark of what is there; links are followed."""
        with self._using() as ssh:
            return filesystem.look(ssh.sftp, remote)

    def listdir(self, remote: GuestPath) -> list[str]:
        """The names in a directory, sorted."""
        with self._using() as ssh:
            return filesystem.names(ssh.sftp, remote)

    def mkdir(self, remote: GuestPath) -> None:
        """Create a directory and those above it that are missing; fine if it exists."""
        with self._transferring() as ssh:
            filesystem.make_directories(ssh.sftp, remote)

    def remove(self, remote: GuestPath, *, recursive: bool = False) -> None:
        """Remove a file, read-only or not, or an empty directory. A link is removed itself.

        :param recursive: a directory goes with all that is in it.
        """
        with self._using() as ssh:
            if recursive and filesystem.find_itself(ssh.sftp, remote).is_directory:
                removal.remove(ssh, names.absolute(remote))
            else:
                filesystem.remove(ssh.sftp, remote)

    def wait_for_file(self, remote: GuestPath, timeout: float = PATIENCE) -> FileStat:
        """Wait until there is such a file or directory.

        :param timeout: seconds.
        :raises TimedOut: there is none.
        """

        def look() -> tuple[FileStat | None, str]:
            with self._using() as ssh:
                return filesystem.find(ssh.sftp, remote), "nothing of that name"

        return until_seen(f"the file {remote}", look, timeout)

    def _note_left(self, remote: GuestPath, left: list[str]) -> None:
        if left:
            self._left += left
            warnings.warn(
                f"{names.absolute(remote)} is complete, but what it replaced is in use and stays for now: "
                f"{', '.join(left)}",
                stacklevel=3,
            )

    @contextmanager
    def _transferring(self) -> Iterator[Ssh]:
        """The connection for a transfer; what one that broke left in the guest is removed over another."""
        try:
            with self._using() as ssh:
                self._left = removal.still_there(ssh, self._left) if self._left else []
                yield ssh
        except TransferInterrupted as exc:
            try:
                with self._using() as ssh:
                    removal.sweep(ssh, exc)
            except SmolVMError as second:
                raise TransferError(f"{exc}; left in the guest: {', '.join(exc.left)} ({second})") from exc
            raise
