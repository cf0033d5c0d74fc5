"""Try the guest's half on a Windows that is there already, over SSH: ``python -m scripts.loopback``. No VM is needed.

The workflow of hosted Windows runners starts it under WSL, whose loopback is that of Windows. What a guest object needs
a machine for is left out: clones and restarts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.commands.methods import CommandMethods
from pytest_smolvm.guest.commands.resident import Resident, start
from pytest_smolvm.guest.files.methods import FileMethods
from pytest_smolvm.guest.link.access import Access
from pytest_smolvm.guest.link.arrival import account
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.guest.link.ports import PortMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.guest.system.methods import SystemMethods
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.check import put
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.trial.facts import FACTS as FACTS_OF_WINDOWS
from pytest_smolvm.trial.facts import Facts
from pytest_smolvm.trial.outcome import FAILED, Found, attempted, found, of_case
from pytest_smolvm.trial.parts import PARTS
from pytest_smolvm.trial.report import CONFORMANCE, FACTS, GUEST, Report

_LOGIN_SECONDS = 120.0
_OF_MACHINES = {"a reboot", "the session on the screen"}


class Monitor:
    """What QEMU would tell: nothing ever happens to this computer."""

    def told(self, *_: object) -> bool:
        """No restart is known of."""
        return False


class Computer(Machine):
    """One that is there already.

    :param port: its SSH server's, on the loopback.
    """

    def __init__(self, port: int) -> None:
        self.ssh_port = port
        self.monitor = Monitor()  # type: ignore[assignment]

    def check(self, patience: float = 0.0) -> None:
        """It lives as long as we do."""


class Loopback(CommandMethods, FileMethods, PortMethods, SystemMethods):
    """A guest object's methods on a computer that nobody started.

    :param computer: where it is.
    :param spec: account and password.
    :param ssh: a connection to it.
    """

    def __init__(self, computer: Computer, spec: GuestSpec, ssh: Ssh) -> None:
        super().__init__()
        self._access = Access(computer, spec, ssh, lambda _: False)
        self._entered = True

    def __enter__(self) -> SmolVM:
        """With a resident PowerShell, as clones have one."""
        with self._using() as ssh:
            resident = Resident(ssh.tunnel, start(ssh))
            self._take_shells(resident)
            self._running().code_page = ssh.code_page = resident.code_page
        return cast("SmolVM", self)

    def __exit__(self, *_: object) -> None:
        self._shells.close()
        self._running().close()


@contextmanager
def reached(port: int, user: str, password: str) -> Iterator[tuple[Computer, GuestSpec, Ssh]]:
    """A connection to a computer's SSH server on the loopback, for the length of the block."""
    computer = Computer(port)
    spec = GuestSpec(image=Path("none"), ssh_user=user, ssh_password=password)
    with closing(wait_for_login(account(computer, spec), timeout=_LOGIN_SECONDS)) as ssh:
        yield computer, spec, ssh


def tried(port: int, user: str, password: str, engines: Sequence[str], report: Report) -> None:
    """Ask for facts, put the table in each of these ways, and try the parts of a guest object."""

    def step(section: str, name: str, part: Callable[[], Found]) -> None:
        outcome = attempted(section, name, part)
        if outcome.verdict == FAILED:
            report.add(outcome)

    step(FACTS, "all facts", partial(_ask, port, user, password, report))
    for engine in engines:
        step(CONFORMANCE, f"the rest of the table ({engine})", partial(_compare, port, user, password, engine, report))
    step(GUEST, "the guest object", partial(_use, port, user, password, report))


def _ask(port: int, user: str, password: str, report: Report) -> Found:
    with reached(port, user, password) as (_, _, ssh):
        asking = Facts(ssh)
        report.add(attempted(FACTS, "SSH server", asking.server))
        for fact in FACTS_OF_WINDOWS:
            report.add(attempted(FACTS, fact.name, partial(asking.ask, fact)))
    return found()


def _compare(port: int, user: str, password: str, engine: str, report: Report) -> Found:
    with reached(port, user, password) as (_, _, ssh):
        for verdict in put(ssh, engine, cases.cases()):
            report.add(of_case(CONFORMANCE, verdict))
    return found()


def _use(port: int, user: str, password: str, report: Report) -> Found:
    with reached(port, user, password) as (computer, spec, ssh), Loopback(computer, spec, ssh) as vm:
        for name, part in PARTS:
            if name not in _OF_MACHINES:
                report.add(attempted(GUEST, name, partial(part, vm)))
    return found()


def summary(title: str, report: Report) -> str:
    """What was found as a page of Markdown: the facts, all parts, and the cases of the table that differ."""
    rows = [f"### {title}", "", "| | | |", "|---|---|---|"]
    for outcome in report.outcomes:
        if outcome.section != CONFORMANCE or not outcome.good:
            said = " ".join(outcome.said.split()).replace("|", "\\|")[:500]
            rows.append(f"| {outcome.verdict} | {outcome.name} | {said} |")
    there = [outcome for outcome in report.outcomes if outcome.section == CONFORMANCE]
    rows.append(f"| | the table of scripts | {len(there)} cases, {sum(not outcome.good for outcome in there)} differ |")
    return "\n".join([*rows, "", ""])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--title", default="Windows over loopback")
    parser.add_argument("--port", type=int, default=22)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--engine", action="append", choices=cases.ENGINES)
    parser.add_argument("--summary", type=Path, help="a file that a page of Markdown is added to")
    parser.add_argument("--report", type=Path)
    return parser


def main() -> int:
    """Returns the exit status: 0 if nothing failed."""
    options = parser().parse_args()
    report = Report(partial(print, flush=True), {"commit": os.environ.get("GITHUB_SHA", ""), "title": options.title})
    password = options.password_file.read_text(encoding="utf-8-sig").strip()
    tried(options.port, options.user, password, options.engine or ("file", "fresh", "resident"), report)
    report.close()
    if options.report is not None:
        report.write(options.report)
    if options.summary is not None:
        with open(options.summary, "a", encoding="utf-8") as page:
            page.write(summary(options.title, report))
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
