"""What scripts must print and return whichever way they are run: the table, and what runs it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Protocol, Union

ENGINES = ("resident", "fresh", "file")
Argument = Union[str, int, float, bool, None]


class Result(Protocol):
    """What came of a script; `commands.RunResult` is one."""

    @property
    def stdout(self) -> str:
        """Standard output."""

    @property
    def stderr(self) -> str:
        """Error output."""

    @property
    def exit_code(self) -> int:
        """Unsigned 32-bit."""


@dataclass(frozen=True)
class Expected:
    """What a case is to bring."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    stdout_pattern: str | None = None
    stderr_pattern: str | None = None
    stdout_lines: int | None = None
    stdout_size: int | None = None
    layout: str = "exact"

    def complaints(self, result: Result) -> list[str]:
        """What is wrong with a result; nothing if it is right."""
        wrong = []
        if result.exit_code != self.exit_code:
            wrong.append(f"exit code {result.exit_code} instead of {self.exit_code}")
        wrong += self._about("stdout", self._even(result.stdout), self._even(self.stdout), self.stdout_pattern)
        wrong += self._about("stderr", self._even(result.stderr), self._even(self.stderr), self.stderr_pattern)
        return wrong

    def _about(self, name: str, got: str, wanted: str, pattern: str | None) -> list[str]:
        if name == "stdout" and self.stdout_lines is not None:
            lines = got.count("\n")
            return [] if lines == self.stdout_lines else [f"{lines} lines of stdout instead of {self.stdout_lines}"]
        if name == "stdout" and self.stdout_size is not None:
            return (
                []
                if len(got) == self.stdout_size
                else [f"{len(got)} characters of stdout instead of {self.stdout_size}"]
            )
        if pattern is not None:
            return [] if re.search(pattern, got) else [f"{name} {_short(got)} has no {pattern!r}"]
        return [] if got == wanted else [f"{name} {_short(got)} instead of {_short(wanted)}"]

    def _even(self, text: str) -> str:
        text = text.replace("\r\n", "\n")
        if self.layout == "loose":
            text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
        return text


@dataclass(frozen=True)
class Case:
    """One script and what it is to bring."""

    name: str
    script: str
    expected: Expected
    args: Sequence[Argument] = ()
    input: str = ""
    needs: str = ""
    slow: bool = False
    differs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def by(self, engine: str) -> Expected | None:
        """What it is to bring with this engine; None if it cannot be put to it."""
        other = {key: value for key, value in self.differs.get(engine, {}).items() if key != "why"}
        if other.pop("skip", False):
            return None
        return Expected(**{**vars(self.expected), **other})


@dataclass(frozen=True)
class Verdict:
    """What came of one case."""

    case: Case
    complaints: Sequence[str]
    skipped: str = ""
    """Why it was not run."""

    @property
    def passed(self) -> bool:
        """Whether it was run and was right."""
        return not self.complaints and not self.skipped

    def __str__(self) -> str:
        if self.skipped:
            return f"skipped  {self.case.name}: {self.skipped}"
        return (
            f"passed   {self.case.name}" if self.passed else f"FAILED   {self.case.name}: {'; '.join(self.complaints)}"
        )


Runner = Callable[[str, Sequence[Argument], bytes], Result]
"""Runs a script with arguments and input."""


def cases() -> list[Case]:
    """The table."""
    table = tomllib.loads((files(__package__) / "cases.toml").read_text(encoding="utf-8"))
    return [_case(entry) for entry in table["case"]]


def _case(entry: dict[str, Any]) -> Case:
    own = {
        key: entry.pop(key) for key in ("name", "script", "args", "input", "needs", "slow", "differs") if key in entry
    }
    return Case(expected=Expected(**entry), **own)


def run(runner: Runner, engine: str = "resident", only: Iterable[Case] | None = None) -> list[Verdict]:
    """Put the table to a guest.

    :param runner: runs one script in it; what it raises is not caught.
    :param engine: how it does so, one of `ENGINES`: their documented differences are taken into account.
    :param only: these cases instead of all.
    """
    missing: dict[str, bool] = {}
    return [_verdict(runner, engine, case, missing) for case in (cases() if only is None else only)]


def _verdict(runner: Runner, engine: str, case: Case, missing: dict[str, bool]) -> Verdict:
    expected = case.by(engine)
    if expected is None:
        return Verdict(case, (), str(case.differs[engine]["why"]))
    if case.needs and case.needs not in missing:
        missing[case.needs] = "True" not in runner(f"[bool] ({case.needs})", (), b"").stdout
    if missing.get(case.needs):
        return Verdict(case, (), f"not in this guest: {case.needs}")
    return Verdict(case, expected.complaints(runner(case.script, case.args, case.input.encode())))


def _short(text: str) -> str:
    return repr(text) if len(text) <= 300 else f"{text[:200]!r}...({len(text)} characters)...{text[-60:]!r}"
