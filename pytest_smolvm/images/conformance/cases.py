"""What commands in a guest must print and return: the table, and what puts it to a guest.

Most cases are about scripts, and must bring the same in every engine. The others are about an image, and are run once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from pytest_smolvm.errors import GuestDied, GuestUnreachable, ResidentLost, SmolVMError
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.host.clock import now

ENGINES = ("resident", "fresh", "file")
"""The ways to run a script: the resident PowerShell, a new powershell.exe, ``powershell.exe -File``."""
CMD = "cmd"
"""The way to run a line of cmd.exe."""


CONDITIONS = {
    "English": "(Get-UICulture).Name -like 'en*'",
    "a decimal point": "(Get-Culture).NumberFormat.NumberDecimalSeparator -eq '.'",
}
"""Conditions that have a name: what Windows says in its own language, or writes as its user does, is not judged."""
# The console's code page in a session over SSH is the system's. Our own engines do without it, powershell.exe does not.
_OEM_437 = r"(Get-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Control\Nls\CodePage).OEMCP -eq '437'"


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
    """All of it, with ``\\n`` for ends of lines."""
    stderr: str = ""
    """Likewise."""
    exit_code: int = 0
    """Unsigned 32-bit."""
    stdout_pattern: str | None = None
    """Instead of `stdout`: a regular expression that is found in it."""
    stderr_pattern: str | None = None
    """Likewise."""
    stdout_lines: int | None = None
    """Instead of `stdout`: how many lines it has."""
    stdout_size: int | None = None
    """Instead of `stdout`: how many characters it has."""
    layout: str = "exact"
    """``loose``: spaces at ends of lines and empty lines do not count."""

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
    """One script or line and what it is to bring."""

    name: str
    script: str
    expected: Expected
    args: Sequence[Argument] = ()
    """The script's."""
    input: str = ""
    """For its standard input."""
    needs: str = ""
    """A PowerShell expression; where it is false, the case is left out. Or a name in `CONDITIONS`."""
    slow: bool = False
    """It starts another PowerShell."""
    once: str = ""
    """It is about the image: the one way to run it, `CMD` or one of `ENGINES`. Empty: it must bring the same in all."""
    differs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By engine: what is otherwise there, as fields of :class:`Expected` or ``skip = true``, and ``why``."""

    def conditions(self, engine: str) -> Iterator[str]:
        """The expressions that must be true for it to be put to a guest by this engine."""
        if self.needs:
            yield CONDITIONS.get(self.needs, self.needs)
        printed = (self.expected.stdout, self.expected.stderr_pattern or "")
        words = (self.script, self.input, *printed, *map(str, self.args))
        if engine == "file" and not all(map(str.isascii, words)):
            yield _OEM_437

    def by(self, engine: str) -> Expected | None:
        """What it is to bring with this engine. None: this engine skips the case."""
        other = {key: value for key, value in self.differs.get(engine, {}).items() if key != "why"}
        if other.pop("skip", False):
            return None
        return Expected(**{**vars(self.expected), **other})


@dataclass(frozen=True)
class Verdict:
    """What came of one case."""

    case: Case
    engine: str
    """How it was run."""
    complaints: Sequence[str] = ()
    """What was different from what is expected."""
    skipped: str = ""
    """Why it was not run; empty if it was."""
    seconds: float = 0.0
    """How long it took."""
    result: Result | None = None
    """All that the guest has answered; None if it was not run, or could not be."""

    @property
    def good(self) -> bool:
        """Whether nothing was different."""
        return not self.complaints

    def __str__(self) -> str:
        what = self.case.name if self.case.once else f"{self.case.name} ({self.engine})"
        word = "skipped" if self.skipped else "ok" if self.good else "DIFFERS"
        why = self.skipped or "; ".join(self.complaints)
        return f"{word:8} {self.seconds:6.1f} s  {what}" + (f": {why}" if why else "")


Runner = Callable[[str, Sequence[Argument], bytes], Result]
"""Runs a script with arguments and input."""


def cases() -> list[Case]:
    """The table's cases about scripts: each is to be put to every engine."""
    return [case for case in table() if not case.once]


def image_cases() -> list[Case]:
    """The table's cases about an image: each is run once."""
    return [case for case in table() if case.once]


@cache
def table() -> tuple[Case, ...]:
    """The whole table."""
    text = (files(__package__) / "cases.toml").read_text(encoding="utf-8")
    return tuple(map(_case, tomllib.loads(text)["case"]))


def _case(entry: dict[str, Any]) -> Case:
    own = {want.name: entry.pop(want.name) for want in fields(Case) if want.name in entry}
    return Case(expected=Expected(**entry), **own)


def run(runner: Runner, engine: str = "resident", only: Iterable[Case] | None = None) -> Iterator[Verdict]:
    """Put cases to a guest, one after the other.

    :param runner: runs one script in it; an error of ours is a complaint, unless the guest or its PowerShell is gone.
    :param engine: how it does so, one of `ENGINES` or `CMD`: documented differences are taken into account.
    :param only: these cases instead of all about scripts.
    """
    missing: dict[str, bool] = {}
    for case in cases() if only is None else only:
        yield _verdict(runner, engine, case, missing)


def _verdict(runner: Runner, engine: str, case: Case, missing: dict[str, bool]) -> Verdict:
    expected = case.by(engine)
    if expected is None:
        return Verdict(case, engine, skipped=str(case.differs[engine]["why"]))
    for condition in case.conditions(engine):
        if condition not in missing:
            missing[condition] = "True" not in runner(f"[bool] ({condition})", (), b"").stdout
        if missing[condition]:
            return Verdict(case, engine, skipped=f"not in this guest: {condition}")
    began = now()
    try:
        result = runner(case.script, case.args, case.input.encode())
    except (GuestDied, GuestUnreachable, ResidentLost):
        raise  # nothing else can be put to it
    except SmolVMError as exc:
        return Verdict(case, engine, [f"{type(exc).__name__}: {exc}"], seconds=now() - began)
    return Verdict(case, engine, expected.complaints(result), seconds=now() - began, result=result)


def _short(text: str) -> str:
    return repr(text) if len(text) <= 300 else f"{text[:200]!r}...({len(text)} characters)...{text[-60:]!r}"
