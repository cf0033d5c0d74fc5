"""Facts of a guest that gives one answer to everything."""

from __future__ import annotations

import base64

import pytest

from pytest_smolvm.errors import CommandFailed
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.trial import facts
from pytest_smolvm.trial.facts import FACTS, LineFact, RegistryFact, ScriptFact
from tests.guest.commands.transport import Printing

SHOWN = (
    b"\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\r\n    ProductName    REG_SZ    Windows 10 Pro\r\n"
    b"    UBR    REG_DWORD    0x6ce\r\n    Release    REG_DWORD    0x82348\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\\Y\r\n"
)


def answering(stdout: bytes, code: int = 0) -> Printing:
    """A guest that gives one answer to everything."""
    return Printing(("out", stdout), code=code)


def said(fact: RegistryFact | LineFact | ScriptFact, guest: Printing) -> str:
    connection: Ssh = guest  # type: ignore[assignment]
    return facts.Facts(connection).ask(fact).said


@pytest.mark.parametrize(
    ("fact", "stdout", "code", "expected"),
    [
        (RegistryFact("x", r"HKLM\X", ("ProductName", "UBR")), SHOWN, 0, "Windows 10 Pro 1742"),
        (RegistryFact("x", r"HKLM\X", ("Absent", "UBR")), SHOWN, 0, "1742"),
        (RegistryFact("x", r"HKLM\X", ("Absent",), missing="none"), SHOWN, 0, "none"),
        (RegistryFact("x", r"HKLM\X", ("UBR",)), b"", 1, "not known"),
        (LineFact("x", "ver"), b"\r\nMicrosoft Windows [Version 10]\r\n", 0, "Microsoft Windows [Version 10]"),
        (LineFact("x", "tar.exe --version", missing="none"), b"", 9009, "none"),
        (ScriptFact("x", "$x"), b"y\ta\r\nx\tb, c \r\n", 0, "b, c"),
        (ScriptFact("x", "$x"), b"y\ta\r\n", 0, "not known"),
    ],
)
def test_answers(fact: RegistryFact | LineFact | ScriptFact, stdout: bytes, code: int, expected: str) -> None:
    assert expected == said(fact, answering(stdout, code))


def test_powershell_that_cannot_be_started() -> None:
    """Blocked by a policy, or not there: its facts are not known, and why is. It is not tried for each of them."""
    guest = answering(b"", 1)
    asking = facts.Facts(guest)  # type: ignore[arg-type]

    for _ in range(3):
        with pytest.raises(CommandFailed, match="exit code 1 from: facts"):
            asking.ask(ScriptFact("x", "$x"))
    assert 1 == len(guest.requests)


def test_what_the_registry_means() -> None:
    by_name = {fact.name: fact for fact in FACTS if isinstance(fact, RegistryFact)}

    assert "4.8.1 (533320)" == by_name[".NET Framework"].meaning("533320")
    assert "4.7.2 (461814)" == by_name[".NET Framework"].meaning("461814")
    assert ["off", "on", "evaluating"] == [by_name["Smart App Control"].meaning(state) for state in "012"]
    assert ["off", "on"] == [by_name["UAC"].meaning(state) for state in "01"]


def test_one_powershell_for_all_and_no_execution_policy_is_asked() -> None:
    """The script is what it was meant to be when PowerShell has decoded it, and fits in a line of cmd.exe."""
    guest = answering(b"x\ty")
    asking = facts.Facts(guest)  # type: ignore[arg-type]
    scripts = [fact for fact in FACTS if isinstance(fact, ScriptFact)]

    for fact in scripts:
        asking.ask(fact)

    (request,) = guest.requests
    assert "-File" not in request
    assert len(request) < 8000
    script = base64.b64decode(request.split("-EncodedCommand ")[1].split()[0].strip('"')).decode("utf-16-le")
    assert [] == [fact.name for fact in scripts if fact.expression not in script]


def test_names_differ() -> None:
    names = [fact.name for fact in FACTS]

    assert len(names) == len(set(names)) > 20
