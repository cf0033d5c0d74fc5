"""The directories of tests: what guests of failed ones leave to look at, and what tests put there themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host.store import remove
from pytest_smolvm.plugin import html_report, witness
from pytest_smolvm.plugin.artifacts import file_name
from pytest_smolvm.plugin.trace.page import TRACE, Phase
from pytest_smolvm.plugin.trace.recording import VIDEO
from pytest_smolvm.plugin.trace.traces import GuestPlace, Traces

if TYPE_CHECKING:
    import pytest

    from pytest_smolvm.plugin.artifacts import Evidence
    from pytest_smolvm.plugin.options import Settings
    from pytest_smolvm.vm import SmolVM

PROPERTY = "smolvm_artifacts"
"""The property of a test, as junit's, that says where its directory is."""
TRACE_PROPERTY, VIDEO_PROPERTY = "smolvm_trace", "smolvm_video"
"""Likewise, of its page and of its film."""
MISSING = "missing.txt"
"""A file that says what could not be had of a guest."""
_NO_EVENTS = "events.txt: the guest had ended before the test failed"
_ATTEMPT = "~"
"""Before the number of a later attempt; no name of a test has it."""


@dataclass
class _Attempt:
    """What an attempt of a test leaves, as long as it runs."""

    item: pytest.Item
    place: Path | None = None
    """Its directory, once it has one."""
    phases: list[Phase] = field(default_factory=list)
    looked: bool = False
    """Whether it has left its evidence."""
    failed: bool = False
    """Whether that is a failure's: with the event log, and a picture where only failures have one."""
    guests: list[GuestPlace] = field(default_factory=list)
    """What was recorded of its guests, from then on."""


class Results:
    """Where a run leaves what is to be looked at: a directory for each test that has something.

    :param base: where these are; made when there is something.
    :param screenshot: ``off``, ``on`` (of every test with a guest) or ``only-on-failure``.
    :param scratch: gives a new path for what may be thrown away.
    :param traces: what is recorded of guests.
    :param say: shows one line to whoever runs the tests.
    """

    def __init__(
        self,
        base: Path,
        screenshot: str,
        scratch: Callable[[], Path],
        traces: Traces,
        say: Callable[[str], object],
    ) -> None:
        self.base = base
        self._screenshot = screenshot
        self._scratch = scratch
        self._traces = traces
        self._say = say
        self._ours: set[Path] = set()
        """What was made in this run, or cleared."""
        self._attempt: _Attempt | None = None
        self._warned = False

    def begin(self, item: pytest.Item) -> None:
        """A test runs: what an earlier run has left of it goes. A later attempt of the same run gets one of its own."""
        base = self.base / file_name(item.nodeid)
        if base in self._ours:
            return
        self._ours.add(base)
        if not self.base.is_dir():
            return
        for path in left(base):
            remove(path)

    def directory(self, item: pytest.Item) -> Path:
        """The directory of this attempt of a test.

        :raises UsageError: it cannot be made.
        """
        attempt = self._of(item)
        if attempt.place is None:
            self.begin(item)
            attempt.place = self._made(self.base / file_name(item.nodeid))
        return attempt.place

    def look(self, item: pytest.Item, report: pytest.TestReport, uses: Iterable[Evidence]) -> None:
        """A part of a test is over: keep what is to be looked at, and say so in its report.

        :param uses: the guests that it uses, living or ended.
        """
        attempt = self._of(item)
        attempt.phases.append(Phase(report.when or "", report.outcome, report.longreprtext if report.failed else ""))
        guests = [evidence for evidence in uses if evidence.vms or evidence.last_look]
        of_every_test = self._screenshot == "on" or self._traces.of_every_test
        try:
            if report.failed and attempt.looked and (attempt.failed or not guests):
                self._tell_again(attempt, report)
            elif guests and (report.failed or (of_every_test and report.when == "call")):
                self._leave(attempt, guests, report)
        except (OSError, UsageError) as exc:
            report.sections.append(("smolvm: evidence", f"none could be kept: {exc}"))
            self._warn(exc)

    def _leave(self, attempt: _Attempt, guests: Sequence[Evidence], report: pytest.TestReport) -> None:
        """Keep what there is to see of guests. What a test left that fails after all is what there is to see then.

        :raises OSError: it cannot be written.
        :raises UsageError: likewise.
        """
        attempt.looked, attempt.failed, attempt.guests = True, report.failed, []
        for evidence in guests:
            # Of others' guests a later test may still fail, and so may this one's teardown, after a call that passed.
            evidence.looked_at = evidence.looked_at or (report.failed and evidence.node is attempt.item)
        place = self.directory(attempt.item)
        said = [str(place), *self._filled(attempt, place, guests, failed=report.failed)]
        if report.failed:
            report.sections.append(("smolvm: evidence", "\n".join(said)))
        self._name_files(attempt, place, report)

    def end(self, item: pytest.Item) -> None:
        """The attempt is over: what came after its evidence was kept is added to that."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None and attempt.guests and len(attempt.phases) > 1:
            self._traces.write(item.nodeid, attempt.phases, attempt.guests)

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
                    for number, vm in enumerate(vms):
                        self._taken(vm, place / str(number), picture=self._screenshot != "off", event_log=False)

    def _of(self, item: pytest.Item) -> _Attempt:
        """The attempt that runs."""
        if self._attempt is None or self._attempt.item is not item:
            self._attempt = _Attempt(item)
        return self._attempt

    def _filled(self, attempt: _Attempt, place: Path, guests: Sequence[Evidence], *, failed: bool) -> list[str]:
        """Put what guests leave into a directory; returns what there is to say of it."""
        picture = self._screenshot == "on" or (failed and self._screenshot != "off")
        number = 0
        for evidence in guests:
            sources: Sequence[SmolVM | Path] = evidence.vms or _ended(evidence)
            for index, source in enumerate(sources):
                number += 1
                own = place if number == 1 else place / f"guest-{number}"
                (own / MISSING).unlink(missing_ok=True)
                if isinstance(source, Path):
                    shutil.copytree(source, own, dirs_exist_ok=True)
                    if failed:
                        miss(own, [_NO_EVENTS])
                else:
                    self._taken(source, own, picture=picture, event_log=failed)
                attempt.guests += [GuestPlace(own, recording) for recording in evidence.recordings[index : index + 1]]
        missing = [line for file in place.rglob(MISSING) for line in _lines(file)]
        missing += self._traces.write(attempt.item.nodeid, attempt.phases, attempt.guests)
        files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        return [", ".join(files), *(f"missing: {line}" for line in missing)]

    def _taken(self, vm: SmolVM, own: Path, *, picture: bool, event_log: bool) -> None:
        own.mkdir(exist_ok=True)
        miss(own, witness.take(vm, own, picture=picture, event_log=event_log))

    def _tell_again(self, attempt: _Attempt, report: pytest.TestReport) -> None:
        """Name what was kept before in a later report of the same attempt.

        :raises OSError: it cannot be read.
        """
        if attempt.place is not None:
            report.sections.append(("smolvm: evidence", str(attempt.place)))
            html_report.add(report, attempt.item.config, attempt.place)

    def _name_files(self, attempt: _Attempt, place: Path, report: pytest.TestReport) -> None:
        """Have junit's file and pytest-html's page name what there is."""
        found = [(PROPERTY, str(place))]
        found += [(TRACE_PROPERTY, str(place / TRACE))] * (place / TRACE).exists()
        found += [(VIDEO_PROPERTY, str(film)) for film in sorted(place.rglob(VIDEO))]
        attempt.item.user_properties += [each for each in found if each not in attempt.item.user_properties]
        report.user_properties += [each for each in found if each not in report.user_properties]
        html_report.add(report, attempt.item.config, place)

    def _warn(self, exc: Exception) -> None:
        """Say once that nothing can be kept: no warning of Python's, which a suite may have turned into failures."""
        if not self._warned:
            self._warned = True
            self._say(f"warning: what failed tests leave cannot be kept: {exc}")

    def _made(self, base: Path) -> Path:
        for path in attempts(base):
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as exc:
                raise UsageError(f"--smolvm-artifacts: {self.base} cannot be written: {exc.strerror}") from exc
            else:
                return path
        raise AssertionError("there are always more")


def base(root: Path, settings: Settings) -> Path:
    """Where the directories of a run's tests are.

    :param root: pytest's root directory.
    """
    return settings.artifacts or root / "test-results" / "smolvm"


def attempts(base: Path) -> Iterator[Path]:
    """The directories of a test's attempts, one after the other; each is made if there is something to keep.

    :param base: that of the first.
    """
    yield base
    yield from (base.with_name(f"{base.name}{_ATTEMPT}{number}") for number in count(2))


def left(base: Path) -> list[Path]:
    """The first of them and those of later attempts that are there, of whatever run."""
    return [base, *base.parent.glob(f"{base.name}{_ATTEMPT}*")]


def under_way(base: Path) -> Path:
    """That of the attempt that was under way when its process was killed."""
    found = list(takewhile(Path.exists, attempts(base)))
    if found and not (found[-1] / witness.RUNS).exists():
        return found[-1]  # it had not got as far as its evidence
    return next(islice(attempts(base), len(found), None))


def _ended(evidence: Evidence) -> list[Path]:
    """What was noted of guests when they ended, in their order."""
    if evidence.last_look is None:
        return []
    return sorted(evidence.last_look.iterdir(), key=lambda path: int(path.name))


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8", errors="replace").splitlines()


def miss(place: Path, lines: Sequence[str]) -> None:
    """Note what could not be had."""
    if lines:
        # An error may quote half of a surrogate pair out of Windows; no file has an encoding for it.
        with open(place / MISSING, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in lines)
