"""What time is to a guest, and its TPM: measured in one that was booted and in clones, since a restore may spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pytest_smolvm.errors import ValueNotPrinted
from pytest_smolvm.guest.commands.output import OnLine, RunResult
from pytest_smolvm.host import clock
from pytest_smolvm.trial.outcome import Found, found

Runs = Callable[[str, OnLine], RunResult]
"""Runs a script in a new powershell.exe, and tells each line as it comes."""

# Two loops, one of which asks the counter: the difference is what asking costs. Where a hypervisor has Windows take
# another clock than the processor's, that is some ten times as much. The host reads when each line came, so the time is
# said in one of its own before anything else is done.
_SCRIPT = r"""
function Say($text) { [Console]::Out.WriteLine($text); [Console]::Out.Flush() }
$watch = [Diagnostics.Stopwatch]::StartNew()
foreach ($round in 1..2) {
    $watch.Restart(); for ($i = 0; $i -lt 4000; $i++) { $null = $i }; $empty = $watch.Elapsed.TotalMilliseconds
    $watch.Restart(); for ($i = 0; $i -lt 4000; $i++) { $null = [Diagnostics.Stopwatch]::GetTimestamp() }
    $asking = $watch.Elapsed.TotalMilliseconds
}
$tpm = try {
    $there = Get-CimInstance -ErrorAction Stop -Namespace root/cimv2/Security/MicrosoftTpm -ClassName Win32_Tpm
    if ($there) { "enabled $($there.IsEnabled_InitialValue), $($there.SpecVersion)" } else { 'none' }
} catch { 'not known' }
Say 'sleeps'
$watch.Restart(); [Threading.Thread]::Sleep(1000); $slept = $watch.Elapsed.TotalSeconds
Say 'slept'
Say "now $(([DateTime]::UtcNow - [DateTime]::new(1970, 1, 1)).TotalSeconds)"
Say (ConvertTo-Json -Compress @{
    counter = [Math]::Round(($asking - $empty) * 1000000 / 4000); slept = $slept; tpm = "$tpm"
})
"""
_CLOCK_SECONDS = 5.0
_SLEEP_SECONDS = 2.0
_COUNTER_NANOSECONDS = 3000
_TIMES = 3


@dataclass(frozen=True)
class Measures:
    """What was measured."""

    clock: float
    """Seconds that the guest's clock is ahead of the host's."""
    counter: float
    """Nanoseconds that a question to QueryPerformanceCounter costs."""
    slept: float
    """Seconds that a sleep of one second took by the guest's own counter ..."""
    slept_here: float
    """... and by the host's clock, in which there is the way of a line to the host."""
    tpm: str

    def __str__(self) -> str:
        return (
            f"clock {self.clock:+.1f} s, counter {self.counter:.0f} ns, "
            f"sleep of 1 s {self.slept:.2f} s ({self.slept_here:.2f} s here), TPM {self.tpm}"
        )


def measure(run: Runs) -> Measures:
    """Measure a guest.

    :raises ValueNotPrinted: it does not say what it has measured.
    :raises SmolVMError: the script could not be run.
    """
    heard: dict[str, tuple[float, float]] = {}

    def hear(line: str) -> None:
        heard[line.strip()] = clock.now(), clock.utc()

    result = run(_SCRIPT, hear)
    try:
        (last,) = (line for line in heard if line.startswith("{"))
        (time,) = (line for line in heard if line.startswith("now "))
        said = json.loads(last)
        return Measures(
            clock=float(time.removeprefix("now ")) - heard[time][1],
            counter=said["counter"],
            slept=said["slept"],
            slept_here=heard["slept"][0] - heard["sleeps"][0],
            tpm=said["tpm"],
        )
    except (ValueError, KeyError) as exc:
        raise ValueNotPrinted(result.command, result.exit_code, result.stdout, result.stderr) from exc


def compared(clone: Measures, cold: Measures | None) -> Found:
    """What a restored guest has measured, beside one that was booted; without one only its clock is judged."""
    checks = {"the clock is right": abs(clone.clock) <= _CLOCK_SECONDS}
    if cold is not None:
        checks |= {
            "the counter costs what it did": clone.counter <= max(_COUNTER_NANOSECONDS, _TIMES * cold.counter),
            "a sleep of one second takes one": 0.9 <= clone.slept <= max(_SLEEP_SECONDS, _TIMES * cold.slept),
            "the TPM is the same": clone.tpm == cold.tpm,
        }
    return found(str(clone), checks, clone=asdict(clone), cold=None if cold is None else asdict(cold))
