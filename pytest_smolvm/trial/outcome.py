"""What came of a part of a trial. A part that fails is an outcome, not the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.host.clock import now
from pytest_smolvm.images.conformance.cases import Verdict

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"
_LIMIT = 4000
"""Characters of an error that are kept: what a guest printed may be without end."""


@dataclass(frozen=True)
class Found:
    """What a part has found when nothing went wrong on the way."""

    said: str = ""
    """In words, for people."""
    wrong: tuple[str, ...] = ()
    """What was not as it should be."""
    skipped: str = ""
    """Why it could not be tried; empty if it was."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For the report: JSON."""


def found(said: str = "", checks: Mapping[str, bool] | None = None, **data: Any) -> Found:
    """What a part has found.

    :param said: in words.
    :param checks: what should be true, in words, and whether it is.
    :param data: for the report.
    """
    return Found(said, tuple(f"not so: {what}" for what, true in (checks or {}).items() if not true), data=data)


@dataclass(frozen=True)
class Outcome:
    """What came of one part."""

    section: str
    name: str
    verdict: str
    """`OK`, `FAILED` or `SKIPPED`."""
    said: str = ""
    seconds: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return self.verdict != FAILED

    def __str__(self) -> str:
        first = next(iter(self.said.splitlines()), "")
        return f"{self.verdict:8} {self.seconds:6.1f} s  {self.name}" + (f": {first}" if first else "")

    def as_record(self) -> dict[str, Any]:
        """For the report: JSON."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def attempted(section: str, name: str, part: Callable[[], Found]) -> Outcome:
    """Do a part; an error of ours, or of this host's network and files, is what came of it."""
    began = now()
    try:
        result = part()
    except (SmolVMError, OSError) as exc:
        said = _kept(f"{type(exc).__name__}: {exc}")
        return Outcome(section, name, FAILED, said, now() - began)
    verdict = SKIPPED if result.skipped else FAILED if result.wrong else OK
    said = result.skipped or "; ".join([*result.wrong, *filter(None, [result.said])])
    return Outcome(section, name, verdict, said, now() - began, result.data)


def of_case(section: str, verdict: Verdict) -> Outcome:
    """What came of a case of the conformance table, with all that the guest has answered."""
    name = verdict.case.name if verdict.case.once else f"{verdict.case.name} ({verdict.engine})"
    word = SKIPPED if verdict.skipped else OK if verdict.good else FAILED
    data: dict[str, Any] = {}
    if (answer := verdict.result) is not None:
        data = {"stdout": _kept(answer.stdout), "stderr": _kept(answer.stderr), "exit_code": answer.exit_code}
    return Outcome(section, name, word, verdict.skipped or "; ".join(verdict.complaints), verdict.seconds, data)


def _kept(text: str) -> str:
    """As a file of UTF-8 can hold it: a guest may print half a surrogate pair, or very much."""
    return text[:_LIMIT].encode("utf-8", "backslashreplace").decode("utf-8")
