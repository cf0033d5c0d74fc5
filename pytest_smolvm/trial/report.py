"""What is told of a trial while it goes on, and the file that holds all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import StoreError
from pytest_smolvm.host import records
from pytest_smolvm.trial.outcome import FAILED, SKIPPED, Outcome

VERSION = 1
FACTS, CONFORMANCE, GUEST, RESTORED = "Facts", "Conformance", "The guest object", "A restored guest"


class Report:
    """The outcomes of a trial, told as they come.

    :param tell: takes a line for whoever waits.
    :param about: what was tried, for the file: JSON.
    """

    def __init__(self, tell: Callable[[str], object], about: Mapping[str, Any]) -> None:
        self._tell = tell
        self._about = about
        self._outcomes: list[Outcome] = []

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What came of each part until now."""
        return tuple(self._outcomes)

    def outcomes_of(self, section: str) -> tuple[Outcome, ...]:
        """Those of one section."""
        return tuple(outcome for outcome in self._outcomes if outcome.section == section)

    @property
    def good(self) -> bool:
        """Whether nothing failed. What is not known of a guest is no failure."""
        return all(outcome.good for outcome in self._outcomes if outcome.section != FACTS)

    def add(self, outcome: Outcome) -> None:
        """Take in what came of a part, and tell it."""
        if not self._outcomes or outcome.section != self._outcomes[-1].section:
            self._tell(f"\n{outcome.section}" if self._outcomes else outcome.section)
        self._outcomes.append(outcome)
        if outcome.section == FACTS:
            said = outcome.said if outcome.good else f"not known: {outcome.said}"
            self._tell(f"  {outcome.name:26} {' '.join(said.split())}")
        elif outcome.verdict != SKIPPED or outcome.section != CONFORMANCE:
            self._tell(f"  {outcome}")

    def close(self) -> None:
        """Tell how many there were of each kind, by section."""
        self._tell("")
        for section in dict.fromkeys(outcome.section for outcome in self._outcomes if outcome.section != FACTS):
            counts = Counter(outcome.verdict for outcome in self.outcomes_of(section))
            self._tell(f"{section}: {', '.join(f'{count} {verdict}' for verdict, count in sorted(counts.items()))}")

    def failed(self) -> list[str]:
        """The names of the parts that failed."""
        return [outcome.name for outcome in self._outcomes if outcome.verdict == FAILED]

    def write(self, path: Path) -> None:
        """Write all of it to a file, as JSON.

        :raises StoreError: it cannot be written.
        """
        content = {**self._about, "version": VERSION, "outcomes": [outcome.as_record() for outcome in self._outcomes]}
        try:
            records.write(path, content)
        except OSError as exc:
            raise StoreError(f"the report {path} cannot be written: {exc.strerror}") from exc
