"""What a guest leaves to look at: a picture of its screen, what was run in it, its logs, and what it was."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import GuestDied, ResidentLostWarning, SmolVMError, TimedOut, UsageError
from pytest_smolvm.guest.system import events
from pytest_smolvm.host.patience import stretched

if TYPE_CHECKING:
    from pytest_smolvm.guest.commands.output import RunResult
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.vm import SmolVM

PICTURE = "screen.png"
RUNS = "runs.txt"
_PICTURE_SECONDS = stretched(5.0)
_EVENTS_SECONDS = stretched(30.0)
_NO_EVENTS = "this guest has no event log: its PowerShell knows no Get-WinEvent"
_LOG_BYTES = 4 << 20
"""Of each log; of more than that the last so many."""
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_SHORTEST_SECRET = 4
"""What is shorter is found in many texts that have nothing to do with it."""
_CUT = "..."
"""Stands where something of a text was left out."""


def take(vm: SmolVM, place: Path, *, picture: bool, event_log: bool) -> list[str]:
    """Write what there is to know of a guest into an existing directory.

    :param picture: with a picture of its screen.
    :param event_log: with the end of its event logs, for which it is asked.
    :returns: what could not be had, and why; an item for each.
    """
    missing: list[str] = []

    def attempt(what: str, write: Callable[[Path], object]) -> None:
        try:
            write(place / what)
        except (SmolVMError, OSError) as exc:
            missing.append(f"{what}: {str(exc).partition(chr(10))[0]}")

    if picture:
        attempt(PICTURE, lambda path: vm.screen.save(path, timeout=_PICTURE_SECONDS))
        attempt("desktop.png", lambda path: _save_failure(vm, path))
    attempt(RUNS, lambda path: _write(path, masked(str(vm.history), vm.spec)))
    attempt("guest.json", lambda path: _write(path, json.dumps(_facts(vm.spec), indent=2)))
    if event_log:
        attempt("events.txt", lambda path: _write(path, masked(_events(vm), vm.spec)))
    attempt("logs", lambda path: _copy_logs(vm, path.parent))
    return missing


def _save_failure(vm: SmolVM, path: Path) -> None:
    """The picture of an action on the desktop that has failed, if one has."""
    with suppress(UsageError, GuestDied):  # there is no guest, and with it no desktop
        if (failure := vm.desktop.failure) is not None:
            failure.save(path)


def _events(vm: SmolVM) -> str:
    """The end of the guest's event logs, if it tells that in time.

    :raises SmolVMError: it does not.
    """
    said: list[str | None] = []
    failed: list[Exception] = []

    def look() -> None:
        with vm.trail.unheard():
            try:
                said.append(_tail(vm))
            except Exception as exc:  # noqa: BLE001  # what a thread lets out becomes the failure of another test
                failed.append(exc)

    # In a thread that is not waited for to its end: a connection that broke is made anew for minutes.
    thread = threading.Thread(target=look, name="smolvm-events", daemon=True)
    thread.start()
    thread.join(_EVENTS_SECONDS)
    if thread.is_alive():
        raise TimedOut("the guest's event logs", _EVENTS_SECONDS)
    for exc in failed:
        raise exc if isinstance(exc, SmolVMError) else SmolVMError(f"{type(exc).__name__}: {exc}") from exc
    return _NO_EVENTS if said[0] is None else said[0]


def _tail(vm: SmolVM) -> str | None:
    """The end of the guest's event logs; asked past its history, in which a test finds what it has run itself."""
    from pytest_smolvm.guest.commands import run, values  # here, since they bring paramiko along

    def quietly(script: str, args: Sequence[Any]) -> RunResult:
        with vm._using() as ssh:
            return run.run(ssh, script, args=args, resident=vm._shells.via(ssh), timeout=_EVENTS_SECONDS)

    def ask(script: str, args: Sequence[Any]) -> Any:
        return values.run_json(quietly, script, args)

    try:
        return events.tail(ask)
    except ResidentLostWarning:  # an error where a suite wants warnings to be errors; each loss is told once
        return events.tail(ask)


def masked(text: str, spec: GuestSpec) -> str:
    """A text without the guest's password, and without values of variables whose names speak of secrets."""
    secrets = [value for name, value in spec.env_vars.items() if _SECRET_NAME.search(name)]
    if spec.ssh_password != spec.ssh_user:  # else it is public, and half of all paths
        secrets.append(spec.ssh_password)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            for form in _forms(secret):
                text = _without_ends(text.replace(form, "***"), form)
    return text


def _forms(secret: str) -> set[str]:
    """How it may be written: as it is, and as Python writes it in either kind of quotes."""
    escaped = str.__repr__('"' + secret)[2:-1]
    return {str(secret), escaped, escaped.replace("\\'", "'")}


def _without_ends(text: str, secret: str) -> str:
    """A text without a secret's beginning where its middle was left out, or its end after that."""
    for size in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1) if _CUT in text else ():
        for mark in (_CUT, f"\n{_CUT}"):
            text = text.replace(secret[:size] + mark, "***" + mark)
        text = text.replace(f"{_CUT}\n{secret[-size:]}", f"{_CUT}\n***")
    return text


def _facts(spec: GuestSpec) -> dict[str, Any]:
    shown = {field.name: getattr(spec, field.name) for field in fields(spec) if field.repr}
    layer = spec.layer.name if spec.layer else None
    told = {name: os.fspath(value) if isinstance(value, Path) else value for name, value in shown.items()}
    return {**told, "layer": layer}


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _copy_logs(vm: SmolVM, directory: Path) -> None:
    for log in vm.logs:
        with open(log, "rb") as source:
            source.seek(max(0, os.fstat(source.fileno()).st_size - _LOG_BYTES))
            content = source.read(_LOG_BYTES)
        if content:
            (directory / log.name).write_bytes(content)
