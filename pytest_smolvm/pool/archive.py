"""An archive of frozen guests: a tar with a manifest that says what is in it, and what a host must be to use it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host import clock, sparse
from pytest_smolvm.host.sparse import Content, Runs, Source

# Of what is in an archive, and where.
_FORMAT = 1
_MANIFEST, _CHECKSUM = "manifest.json", "manifest.json.sha256"


@dataclass(frozen=True)
class Moved:
    """One template or layer in an archive."""

    name: str
    """What it was called where it comes from."""
    identity: str
    """Tells it from all others: see :attr:`pytest_smolvm.pool.templates.Template.identity`."""
    record: Mapping[str, Any]
    """What was noted there when it was made."""
    files: Mapping[str, Content]
    """Its files by name."""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"the layer {self.record['layer']}" if self.record.get("layer") else "the template"


@contextmanager
def created(path: Path) -> Iterator[Writer]:
    """An archive to be written in the block. After it `path` is there in full; if the block fails, nothing is.

    :raises OSError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # secrets are in it
            with tarfile.TarFile(fileobj=out, mode="w", copybufsize=sparse.PIECE) as tar:
                yield Writer(tar)
            out.flush()
            os.fsync(out.fileno())
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


class Writer:
    """What an archive is written with.

    :param tar: it.
    """

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def describe(self, moved: list[Moved], about: Mapping[str, Any]) -> None:
        """Write the manifest, which comes first."""
        states = [asdict(one) for one in moved]
        manifest = json.dumps({"format": _FORMAT, **about, "states": states}, indent=1).encode()
        digest = hashlib.sha256(manifest).hexdigest()
        self._add(_MANIFEST, len(manifest), io.BytesIO(manifest))
        line = f"{digest}  {_MANIFEST}\n".encode()
        self._add(_CHECKSUM, len(line), io.BytesIO(line))

    def add(self, name: str, source: Path, content: Content) -> None:
        """Write what is in a file.

        :raises OSError: it cannot be read, or has become shorter.
        """
        with open(source, "rb", buffering=0) as file:
            self._add(name, content.amount, Runs(file.fileno(), content.runs))

    def _add(self, name: str, size: int, source: Source) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o600, int(clock.utc())
        self._tar.addfile(entry, source)  # type: ignore[arg-type]  # typeshed asks for a whole file; it is read only


class Archive:
    """An archive that is there.

    :param path: where.
    :param tar: it, to be read.
    :raises UsageError: it is damaged, or in another version's format.
    """

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path, self._tar = path, tar
        with _damage_told(path):
            text = self._read(_MANIFEST)
            whole = hashlib.sha256(text).hexdigest().encode() == self._read(_CHECKSUM).split()[0]
            self.about: dict[str, Any] = json.loads(text) if whole else {}
            found = self.about["format"] if whole else None
        if not whole:
            raise UsageError(f"{path} is damaged: the checksum of its manifest does not match")
        if found != _FORMAT:
            raise UsageError(f"{path} has the format {found}, and this pytest-smolvm reads {_FORMAT}: update the older")
        with _damage_told(path):
            self.moved = [_moved(one) for one in self.about["states"]]

    def take(self, name: str, content: Content, target: Path) -> None:
        """Make the new file `target` of one that is in the archive.

        :raises UsageError: the archive is damaged.
        :raises OSError: the file cannot be written.
        """
        with _damage_told(self._path):
            source = self._tar.extractfile(name)
        try:
            if source is None:
                raise ValueError(f"{name} is no file")
            sparse.make(target, content, source)
        except (ValueError, tarfile.TarError) as exc:
            raise UsageError(f"{self._path} is damaged, at {name}: {exc}") from exc

    def _read(self, name: str) -> bytes:
        source = self._tar.extractfile(name)
        return b"" if source is None else source.read()


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`, for the length of the block.

    :raises UsageError: there is none, it is damaged, or in another version's format.
    """
    with ExitStack() as life:
        try:
            file = life.enter_context(open(path, "rb"))
        except OSError as exc:
            raise UsageError(f"the archive {path} cannot be read: {exc.strerror}") from exc
        with _damage_told(path):
            tar = life.enter_context(tarfile.TarFile(fileobj=file))
        yield Archive(path, tar)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, OSError, ValueError, LookupError, TypeError) as exc:
        raise UsageError(f"{path} is damaged, or no archive of a snapshot: {exc}") from exc


def _moved(noted: Mapping[str, Any]) -> Moved:
    files = {name: _content(**one) for name, one in noted["files"].items()}
    if strays := [name for name in (noted["name"], *files) if "/" in name or name.startswith(".")]:
        raise ValueError(f"{strays[0]!r} is no name")
    return Moved(noted["name"], noted["identity"], noted["record"], files)


def _content(size: int, runs: list[list[int]], digest: str) -> Content:
    return Content(size, tuple((offset, length) for offset, length in runs), digest)
