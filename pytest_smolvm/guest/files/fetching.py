"""All that is in a directory of the guest, brought to this host: by tar.exe, and file by file what that refuses."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pytest_smolvm.errors import TransferError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands.output import Output
from pytest_smolvm.guest.files import file, filesystem, removal
from pytest_smolvm.guest.files.tar import Unpacking, new
from pytest_smolvm.guest.link.ssh import Ssh

_LINKS_DEEP = 32


def fetch(ssh: Ssh, source: str, place: Path | None, progress: file.OnBytes | None = None) -> dict[str, bytes]:
    """Bring all that is in `source` to the empty directory `place`, or nowhere.

    What tar.exe refuses, as bsdtar before 3.7 does a file that a program writes to, is fetched by itself; and so is
    all of it where Windows has no tar.exe, which it has since version 10 (1803).

    :returns: SHA-256 digests of all files, by their names below `source`.
    """
    if not removal.plain(source):
        return _Fetch(ssh, source, place).directory()
    unpacking = Unpacking(place)
    refusal = _stream(ssh, source, unpacking, progress)
    rest = _Fetch(ssh, source, place, unpacking.digests)
    digests = unpacking.digests
    try:
        for name in [""] if refusal else unpacking.links:
            digests = digests | rest.any(name)
    except TransferError as exc:
        if refusal:
            exc.add_note(refusal)
        raise
    return digests


def _stream(ssh: Ssh, directory: str, unpacking: Unpacking, progress: file.OnBytes | None) -> str:
    """Have a directory of the guest packed, and unpacked here while it comes.

    :returns: what tar.exe said if it did not pack all of it, else nothing.
    """
    said, came, code = Output(ssh.code_page), 0, 0
    # The directory is cmd.exe's matter: tar.exe takes no names that its code page lacks.
    request = f'cd /d "{directory}" && tar.exe -cf - --format=pax .'
    try:
        with _piped(unpacking.take) as sink:

            def on_stdout(data: bytes) -> None:
                nonlocal came
                came += len(data)
                sink.write(data)
                if progress is not None:
                    progress(came, came)

            code = ssh.execute(request, on_stdout=on_stdout, on_stderr=said.write)
    except TransferError:
        if code == 0 or not unpacking.damaged:
            raise
    if code == 0:
        return ""
    return f"the guest's tar.exe could not pack {directory} (exit code {code}):\n{said.text.strip()[-2000:]}"


@contextmanager
def _piped(take: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """A file to write, which `take` reads in a thread of its own. If the block fails, its error is the one to know."""
    reading, writing = os.pipe()

    def taking() -> None:
        with open(reading, "rb") as stream:
            try:
                take(stream)
            finally:
                while stream.read(1 << 20):
                    pass  # or the other end would wait for ever

    with ThreadPoolExecutor(1, thread_name_prefix="smolvm-tar") as worker:
        taken = worker.submit(taking)
        with open(writing, "wb") as sink:
            yield sink
        taken.result()


class _Fetch:
    """Fetches file by file.

    :param done: names below `source` that are here already.
    """

    def __init__(self, ssh: Ssh, source: str, place: Path | None, done: Collection[str] = ()) -> None:
        self._ssh = ssh
        self._source = source
        self._place = place
        self._done = frozenset(done)

    def any(self, name: str, depth: int = 0) -> dict[str, bytes]:
        """A file, or a directory with all that is in it; links are followed. SHA-256 digests by name."""
        if name in self._done:
            return {}
        remote = self._remote(name)
        found = filesystem.look(self._ssh.sftp, remote)
        if found.is_directory:
            return self.directory(name, depth)
        digest = hashlib.sha256()
        path = None if self._place is None else self._place / name
        if path is not None:
            path.unlink(missing_ok=True)  # it may have come in part
        with new(path) as out:
            file.receive(self._ssh.sftp, remote, out, also=digest.update)
        if path is not None:
            file.keep_attributes(path, found)
        return {name: digest.digest()}

    def directory(self, name: str = "", depth: int = 0) -> dict[str, bytes]:
        """All that is in a directory."""
        if depth > _LINKS_DEEP:
            raise TransferError(
                f"{self._source}: {name} is too deep; is there a link that leads back to a directory it is in?"
            )
        digests: dict[str, bytes] = {}
        inside = self._inside(self._remote(name))
        if self._place is not None and inside is not None:
            (self._place / name).mkdir(parents=True, exist_ok=True)
        for inner in inside or []:
            digests |= self.any(f"{name}/{inner}" if name else inner, depth + 1)
        return digests

    def _inside(self, remote: str) -> list[str] | None:
        r"""The names in a directory; None for one of the junctions that Windows keeps for old programs.

        They lead back to where they are, and nobody may list them (``AppData\Local\Application Data``).
        """
        try:
            return filesystem.names(self._ssh.sftp, remote)
        except TransferError as exc:
            denied = getattr(exc.__cause__, "errno", None) == errno.EACCES
            if denied and remote != self._source and removal.junctions(self._ssh, [remote]):
                return None
            raise

    def _remote(self, name: str) -> str:
        return names.joined(self._source, *name.split("/")) if name else self._source
