"""Values of a script as Python's: what json.ps1 prints, read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pytest_smolvm.errors import CommandFailed, ValueNotPrinted
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.output import RunResult, shortened
from pytest_smolvm.guest.commands.powershell import Argument

_RECORD = "\x1e"  # before the JSON that json.ps1 prints


def run_json(
    run: Callable[[str, Sequence[Argument]], RunResult],
    script: str,
    args: Sequence[Argument] = (),
) -> Any:
    """What `script` puts out, as Python values.

    Nothing is None, one object is itself, several are a list: what ``$x = script`` would give, so a list of one item
    needs PowerShell's comma, ``,@(1)``. Hashtables and objects are dicts, dates are datetimes, time spans timedeltas,
    byte arrays bytes; what has no counterpart is text.

    :param run: runs a script with its arguments.
    :raises CommandFailed: the script ended with an error, or with an exit code other than 0.
    :raises ValueNotPrinted: the script ended itself, as with ``exit 0``, before its value was there.
    """
    result = run(powershell.text_of("json"), [powershell.unmarked(script), *args])
    if result.exit_code != 0:
        raise CommandFailed(shortened(script), result.exit_code, result.stdout, result.stderr)
    _, found, text = result.stdout.rpartition(_RECORD)
    if not found:
        raise ValueNotPrinted(shortened(script), result.exit_code, result.stdout, result.stderr)
    return json.loads(text, object_hook=_revived)


def _revived(pairs: dict[str, Any]) -> Any:
    """json.ps1 writes what JSON lacks as an object with one name that begins with a NUL character."""
    if len(pairs) == 1:
        ((name, value),) = pairs.items()
        if name == "\0date":
            return datetime.fromisoformat(value)
        if name == "\0span":
            return timedelta(microseconds=int(value) / 10)
        if name == "\0bytes":
            return bytes.fromhex(value)
        if name == "\0float":
            return float(value)
    return pairs
