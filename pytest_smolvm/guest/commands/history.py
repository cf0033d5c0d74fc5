"""What was run in a guest, for whoever wants to know why a test has failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.guest.commands.output import RunResult, ends, shortened
from pytest_smolvm.guest.trail import Trail
from pytest_smolvm.host import clock

_MOST_RUNS = 200
_SHOWN_BYTES = 16 * 1024
"""Of each stream; of more than that the first and the last half of so many."""


@dataclass(frozen=True)
class PastRun:
    """A script or command line, and what became of it."""

    command: str
    """Shortened."""
    shell: str
    began: float
    """Seconds since 1970."""
    seconds: float
    """How long it took."""
    ending: str
    """``exit code 0``, or the error."""
    stdout: str
    """What it wrote to its standard output; of much only the beginning and the end."""
    stderr: str
    """Likewise, to its error output."""

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.began, UTC).strftime("%H:%M:%S.%f")[:-3]
        lines = [f"{at}  {self.seconds:.3f} s  {self.shell}  {self.ending}", *_indented(self.command, "> ")]
        return "\n".join([*lines, *_indented(self.stdout, "  "), *_indented(self.stderr, "! ")]) + "\n"


class History:
    """The last things that were run in a guest. Safe to use from several threads.

    :param trail: where each is told as well.
    """

    def __init__(self, trail: Trail | None = None) -> None:
        self._trail = trail or Trail()
        self._runs: deque[PastRun] = deque(maxlen=_MOST_RUNS)
        self._left_out = 0

    def __iter__(self) -> Iterator[PastRun]:
        return iter(list(self._runs))

    def __str__(self) -> str:
        """All of them as a text, the times in UTC."""
        left_out = f"({self._left_out} earlier ones are left out)\n\n" if self._left_out else ""
        return left_out + "\n".join(map(str, self))

    def of(self, script: str, shell: str, run: Callable[[], RunResult]) -> RunResult:
        """Run something, note what became of it, and pass that on."""
        with self._trail.step("run", shortened(script)):
            return self._of(script, shell, run)

    def _of(self, script: str, shell: str, run: Callable[[], RunResult]) -> RunResult:
        began, started = clock.utc(), clock.now()

        def note(ending: str, stdout: str, stderr: str) -> None:
            self._left_out += len(self._runs) == _MOST_RUNS
            past = PastRun(shortened(script), shell, began, clock.now() - started, ending, stdout, stderr)
            self._runs.append(past)
            self._trail.note(run=past, script=_ends(script))

        try:
            result = run()
        except SmolVMError as exc:
            seen = (_ends(str(getattr(exc, stream, ""))) for stream in ("stdout", "stderr"))
            note(f"{type(exc).__name__}: {exc}".partition("\n")[0], *seen)
            raise
        note(f"exit code {result.exit_code}", *ends(result, _SHOWN_BYTES))
        return result


def _ends(text: str) -> str:
    if len(text) <= _SHOWN_BYTES:
        return text
    half = _SHOWN_BYTES // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters are left out ...\n{text[-half:]}"


def _indented(text: str, mark: str) -> list[str]:
    return [mark + line for line in text.splitlines()]
