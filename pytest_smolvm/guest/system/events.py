"""The end of Windows' event logs: what went wrong with the system and its programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST = 40
"""Events that are looked at."""
# Level 1 is critical, 2 an error. Where a log has none, Get-WinEvent says so by an error (NoMatchingEventsFound).
_SCRIPT = """
param($most)
if (-not (Get-Command -Name Get-WinEvent -ErrorAction SilentlyContinue)) { return }
$unread = @()
$found = foreach ($log in 'System', 'Application') {
    try { Get-WinEvent -FilterHashtable @{ LogName = $log; Level = 1, 2 } -MaxEvents $most -ErrorAction Stop }
    catch {
        if ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { $unread += "${log}: $($_.Exception.Message)" }
    }
}
$told = @($found | Sort-Object -Property TimeCreated | Select-Object -Last $most | ForEach-Object {
    $text = [string]$_.Message
    @{
        at = $(if ($_.TimeCreated) { $_.TimeCreated.ToUniversalTime().ToString('yyyy-MM-dd HH:mm:ss') } else { '' })
        log = [string]$_.LogName
        source = [string]$_.ProviderName
        id = [int]$_.Id
        level = [string]$_.LevelDisplayName
        text = $text.Substring(0, [Math]::Min($text.Length, 2000))
    }
})
@{ unread = $unread; events = $told }
"""


def tail(run_json: Callable[[str, Sequence[Any]], Any]) -> str | None:
    """The last errors of the logs System and Application, a paragraph each, oldest first; times in UTC.

    :param run_json: runs a script with arguments and gives what it puts out.
    :returns: also which log cannot be read, and why; None if the guest's PowerShell knows of no event log.
    """
    found = run_json(_SCRIPT, [MOST])
    if found is None:
        return None
    unread = [f"cannot be read: {reason}" for reason in found["unread"]]
    return "\n".join([*unread, *map(_told, found["events"])]) or "no errors"


def _told(event: Mapping[str, Any]) -> str:
    head = f"{event['at']}  {event['log']}  {event['source']} {event['id']}  {event['level']}"
    return "\n".join([head, *(f"  {line}" for line in event["text"].splitlines())])
