"""What came of each test on each image: a table at the end of a run, and in junit's file."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pytest_smolvm.plugin import junit
from pytest_smolvm.plugin.matrix import IMAGE

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_MOST_ROWS = 40
_RANK = ("passed", "skipped", "xfailed", "xpassed", "failed", "error")
"""The worst of a test's reports counts; from "failed" on it is listed in any case."""
_FINE = frozenset({"passed", "skipped", "xfailed"})


class Summary:
    """Hooks of pytest's, for the process that writes the report.

    :param config: the run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._junit = junit.place(config)
        self._rows: dict[str, dict[str, str]] = {}
        """Outcomes by test and image."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a part of a test."""
        image = dict(report.user_properties).get(IMAGE)
        if image is None or (outcome := _outcome(report)) is None:
            return
        row = self._rows.setdefault(self._test(report.nodeid, str(image)), {})
        before = row.get(str(image), outcome)
        row[str(image)] = max(before, outcome, key=_RANK.index)

    @pytest.hookimpl(trylast=True)  # type: ignore[misc]  # when junit's file has been written
    def pytest_sessionfinish(self) -> None:
        """Have junit's file say for each image how many tests came to what."""
        if self._junit is not None and self._junit.exists():
            junit.add_properties(self._junit, {f"{IMAGE}:{image}": self._counted(image) for image in self._images()})

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Write the table, if the tests ran on several images."""
        images = self._images()
        if len(images) < 2:
            return
        shown = self._rows
        if len(shown) > _MOST_ROWS and not self._config.option.verbose > 0:
            shown = {test: row for test, row in shown.items() if not set(row.values()) <= _FINE}
        lines = [["", *images], *([test, *(row.get(image, "-") for image in images)] for test, row in shown.items())]
        if len(shown) < len(self._rows):
            lines.append([f"{len(self._rows) - len(shown)} more, all well", *("" for _ in images)])
        lines.append([f"{len(self._rows)} tests", *map(self._counted, images)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        terminalreporter.section("tests by image")
        for line in lines:
            terminalreporter.line("  ".join(map(str.ljust, line, widths)).rstrip())

    def _images(self) -> list[str]:
        return list(dict.fromkeys(image for row in self._rows.values() for image in row))

    def _counted(self, image: str) -> str:
        """How many tests came to what on an image, as `2 passed, 1 failed`."""
        counts = Counter(row[image] for row in self._rows.values() if image in row)
        return ", ".join(f"{counts[outcome]} {outcome}" for outcome in _RANK if counts[outcome])

    def _test(self, nodeid: str, image: str) -> str:
        """A test's name without its image, as all of a row have it."""
        if self._config.getoption("dist", "no") == "loadgroup":  # then xdist has put the group behind it
            nodeid = nodeid.rpartition("@")[0] or nodeid
        head, bracket, inside = nodeid.partition("[")
        rest = re.sub(rf"(?:^|-){re.escape(image)}(?=-|\]$)", "", inside, count=1).removeprefix("-")
        return head + (bracket + rest if rest != "]" else "")


def _outcome(report: pytest.TestReport) -> str | None:
    """What came of a part of a test; None if it says nothing of the whole."""
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else None
