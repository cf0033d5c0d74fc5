"""The directories of tests: what guests of failed ones leave to look at, and what tests put there themselves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host.store import remove
from pytest_smolvm.plugin import witness

if TYPE_CHECKING:
    import pytest

    from pytest_smolvm.plugin.artifacts import Evidence
    from pytest_smolvm.vm import SmolVM

PROPERTY = "smolvm_artifacts"
"""The property of a test, as junit's, that says where its directory is."""
MISSING = "missing.txt"
"""A file that says what could not be had of a guest."""
_ATTEMPT = "~"
"""Before the number of a later attempt; no name of a test has it."""


class Results:
    """Where a run leaves what is to be looked at: a directory for each test that has something.

    :param base: where these are; made when there is something.
    :param screenshot: ``off``, ``on`` (of every test with a guest) or ``only-on-failure``.
    :param scratch: gives a new path for what may be thrown away.
    """

    def __init__(self, base: Path, screenshot: str, scratch: Callable[[], Path]) -> None:
        self.base = base
        self._screenshot = screenshot
        self._scratch = scratch
        self._ours: set[Path] = set()
        """What was made in this run, or cleared."""
        self._current: tuple[pytest.Item, Path] | None = None
        self._looked = False
        """Whether the attempt that runs has left its evidence."""

    def begin(self, item: pytest.Item) -> None:
        """A test runs: what an earlier run has left of it goes. A later attempt of the same run gets one of its own."""
        base = self.base / _name(item)
        if base in self._ours:
            return
        self._ours.add(base)
        if not self.base.is_dir():
            return
        for path in [base, *self.base.glob(f"{base.name}{_ATTEMPT}*")]:
            remove(path)

    def directory(self, item: pytest.Item) -> Path:
        """The directory of this attempt of a test.

        :raises UsageError: it cannot be made.
        """
        if self._current is None or self._current[0] is not item:
            self.begin(item)
            self._current = item, self._made(self.base / _name(item))
        return self._current[1]

    def end(self) -> None:
        """The attempt is over."""
        self._current, self._looked = None, False

    def look(self, item: pytest.Item, report: pytest.TestReport, uses: Iterable[Evidence]) -> None:
        """A part of a test is over: keep what is to be looked at, and say so in its report.

        :param uses: the guests that it uses, living or ended.
        """
        guests = [evidence for evidence in uses if evidence.vms or evidence.last_look]
        wanted = report.failed or (self._screenshot == "on" and report.when == "call")
        if not guests or not wanted or self._looked:
            return
        self._looked = True
        for evidence in guests:
            evidence.looked_at = evidence.looked_at or evidence.node is item  # others' tests may still fail
        try:
            place = self.directory(item)
            said = [str(place), *self._filled(place, guests)]
        except (OSError, UsageError) as exc:
            report.sections.append(("smolvm: evidence", f"none could be kept: {exc}"))
            return
        if report.failed:
            report.sections.append(("smolvm: evidence", "\n".join(said)))
        found = (PROPERTY, str(place))
        item.user_properties.append(found)
        report.user_properties.append(found)

    @contextmanager
    def last_look(self, evidence: Evidence, vms: list[SmolVM]) -> Iterator[None]:
        """Guests are in use in the block and then end: what they leave is noted, in case somebody wants to see it."""
        try:
            yield
        finally:
            if not evidence.looked_at:
                with suppress(OSError):  # a full disk is no reason to fail a test that is over
                    evidence.last_look = place = self._scratch()
                    place.mkdir()
                    self._taken(vms, place)

    def _filled(self, place: Path, guests: list[Evidence]) -> list[str]:
        """Put what guests leave into a directory; returns what there is to say of it."""
        living = [vm for evidence in guests for vm in evidence.vms]
        self._taken(living, place)
        for evidence in guests:
            if not evidence.vms and evidence.last_look is not None:
                shutil.copytree(evidence.last_look, place, dirs_exist_ok=True)
        missing = [line for file in place.rglob(MISSING) for line in file.read_text(encoding="utf-8").splitlines()]
        files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        return [", ".join(files), *(f"missing: {line}" for line in missing)]

    def _taken(self, vms: list[SmolVM], place: Path) -> None:
        for number, vm in enumerate(vms, 1):
            own = place if number == 1 else place / f"guest-{number}"
            own.mkdir(exist_ok=True)
            if missing := witness.take(vm, own, picture=self._screenshot != "off"):
                (own / MISSING).write_text("\n".join(missing) + "\n", encoding="utf-8")

    def _made(self, base: Path) -> Path:
        path, attempt = base, 2
        while True:
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                path, attempt = base.with_name(f"{base.name}{_ATTEMPT}{attempt}"), attempt + 1
            except OSError as exc:
                raise UsageError(f"--smolvm-artifacts: {self.base} cannot be written: {exc.strerror}") from exc
            else:
                return path


def _name(item: pytest.Item) -> str:
    """A file name that tells which test it is."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", item.nodeid).strip("-")[-100:]
