"""SFTP sessions of a connection, and what their errors mean."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import paramiko

from pytest_smolvm.errors import GuestUnreachable, TransferError
from pytest_smolvm.guest.link import channels
from pytest_smolvm.guest.link.channels import BROKEN, Patience
from pytest_smolvm.guest.link.patches import PatchedSftp
from pytest_smolvm.guest.link.server import Server
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

_SILENCE_SECONDS = stretched(60.0)
# At once on one connection: sshd allows ten sessions (MaxSessions), commands and SFTP together.
_SESSIONS = 3
_OLD_PATH_MAX = 259  # characters; sshd 7.7 has no more, whatever LongPathsEnabled says
_ASIDE = 20  # characters of the name that what is written has before it takes its place


class SftpAttributes(Protocol):
    """What SFTP says of a file; None where the server says nothing."""

    filename: str
    """Its name, if it was listed."""
    st_size: int | None
    """Bytes."""
    st_mode: int | None
    """As in stat(2)."""
    st_mtime: int | None
    """Seconds since 1970."""


class SftpFile(Protocol):
    """An open file of the guest."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def readv(self, pieces: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """Several pieces, given by offset and size, asked for at once."""

    def write(self, data: bytes) -> object:
        """Write all of `data`."""

    def seek(self, offset: int) -> object:
        """Go on at `offset`."""

    def stat(self) -> SftpAttributes:
        """What it is."""

    def set_pipelined(self, pipelined: bool) -> object:
        """Whether a write waits for no answer."""

    def close(self) -> object:
        """End it."""


class Sftp(Protocol):
    """An SFTP session, as far as it is used here; paths are the server's: see :func:`sftp_path`."""

    def open(self, path: str, mode: str) -> SftpFile:
        """Open a file, as Python does."""

    def stat(self, path: str) -> SftpAttributes:
        """What is there; links are followed."""

    def lstat(self, path: str) -> SftpAttributes:
        """What is there; a link itself."""

    def listdir(self, path: str = ".") -> list[str]:
        """The names in a directory."""

    def listdir_attr(self, path: str) -> list[SftpAttributes]:
        """What is in a directory; links themselves."""

    def mkdir(self, path: str) -> object:
        """Create a directory."""

    def rmdir(self, path: str) -> object:
        """Remove an empty directory."""

    def remove(self, path: str) -> object:
        """Remove a file."""

    def posix_rename(self, source: str, target: str) -> object:
        """Rename, replacing a file."""

    def chmod(self, path: str, mode: int) -> object:
        """Change a file's mode."""

    def utime(self, path: str, times: tuple[float, float]) -> object:
        """Set the times of last access and change, in seconds since 1970."""

    def normalize(self, path: str) -> str | None:
        """A path in full."""

    def get_channel(self) -> Any:
        """What it goes over."""


class Transfers:
    """SFTP sessions of a connection. One serves one thread at a time: paramiko's clients lose answers of others.

    :param watch: called while a session is waited for; raises if the guest is gone.
    """

    def __init__(self, transport: paramiko.Transport, watch: Callable[[], None], patience: Patience) -> None:
        self._transport = transport
        self._watch = watch
        self._patience = patience
        self._room = threading.BoundedSemaphore(_SESSIONS)
        self._idle: list[Sftp] = []
        self._mine = threading.local()

    def client(self) -> Sftp:
        """This thread's session; waits for its turn if too many threads have one.

        :raises GuestUnreachable: the server opened none.
        """
        client: Sftp | None = getattr(self._mine, "client", None)
        if client is None:
            self._room.acquire()
            try:
                client = self._mine.client = self._idle.pop() if self._idle else self._opened()
            except BaseException:
                self._room.release()
                raise
        return client

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Around what a thread does; afterwards its session is there for others. Blocks may be nested."""
        self._mine.depth = getattr(self._mine, "depth", 0) + 1
        try:
            yield
        finally:
            self._mine.depth -= 1
            client: Sftp | None = getattr(self._mine, "client", None)
            if client is not None and not self._mine.depth:
                self._mine.client = None
                if not client.get_channel().closed:
                    self._idle.append(client)
                self._room.release()

    def _opened(self) -> Sftp:
        channel = channels.open_session(self._transport, Deadline(None), self._watch, self._patience)
        # Without these, a transfer to a guest that stopped would wait for ever.
        channel.watch, channel.silence = self._watch, _SILENCE_SECONDS
        channel.settimeout(channels.WATCH_SECONDS)
        try:
            channel.invoke_subsystem("sftp")
            client: Sftp = PatchedSftp(channel)
        except BROKEN as exc:
            raise GuestUnreachable(f"the guest offers no SFTP: {exc}") from exc
        return client


def server_of(sftp: Sftp) -> Server:
    """Which server answers."""
    return Server(sftp.get_channel().get_transport().remote_version)


def sftp_path(path: str) -> str:
    """An absolute Windows path as Win32-OpenSSH's SFTP server names it: ``/C:/x`` (misc.c, realpath)."""
    return "/" + path.replace("\\", "/")


@contextmanager
def asking(sftp: Sftp, verb: str, path: str) -> Iterator[None]:
    """Around SFTP calls: what they raise becomes one of our errors.

    :param verb: what the guest is asked to do with `path`, for the error: ``"list"``.
    :raises GuestUnreachable: the connection broke.
    :raises TransferError: the guest refused.
    """
    try:
        yield
    except (*BROKEN, paramiko.SFTPError) as exc:
        channel = sftp.get_channel()
        if channel.closed or channel.eof_received or isinstance(exc, (TimeoutError, paramiko.SSHException)):
            raise GuestUnreachable(f"the SSH connection broke: could not {verb} {path}") from exc
        raise _refused(verb, path, exc, server_of(sftp)) from exc


def _refused(verb: str, path: str, exc: Exception, server: Server) -> TransferError:
    number = getattr(exc, "errno", None)
    aside = len(path.rpartition("\\")[0]) + 1 + _ASIDE
    if max(len(path), aside) > _OLD_PATH_MAX and server.before(8, 0):
        return TransferError(
            f"the guest could not {verb} {path}: {server.banner} takes no path of more than {_OLD_PATH_MAX} characters,"
            f" and what is written there has a name of {_ASIDE} at first"
        )
    if number == errno.ENOENT:
        return TransferError(f"the guest could not {verb} {path}: no such file or directory")
    if number == errno.EACCES:
        return TransferError(f"the guest could not {verb} {path}: access denied")
    # Win32-OpenSSH reports sharing violations, a full disk and more as one generic failure.
    return TransferError(
        f"the guest could not {verb} {path}: {exc} (possible causes: open in a program, a directory, or a full disk)"
    )
