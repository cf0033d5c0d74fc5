r"""What a guest is, as far as it can be asked, told by what works whatever else does not: reg.exe, cmd.exe, PowerShell.

Nothing here goes through the scripts of ours that the rest of the trial is about.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from pytest_smolvm.errors import CommandFailed, SmolVMError
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.trial.outcome import Found, found

_SECONDS = stretched(300.0)
_UNKNOWN = "not known"
_SHOWN = re.compile(r"^ +(\S.*?) {2,}(REG_\w+) {2,}(.*?)\r?$", re.MULTILINE)
"""A value as ``reg.exe query`` shows it, in every language: name, kind, data."""
_WINDOWS = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_CODE_PAGES = r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage"
_POLICIES = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
# "How to determine which versions are installed" (.NET Framework, Microsoft Learn): the first Release of each.
_FRAMEWORKS = (
    (533320, "4.8.1"), (528040, "4.8"), (461808, "4.7.2"), (461308, "4.7.1"), (460798, "4.7"), (394802, "4.6.2"),
    (394254, "4.6.1"), (393295, "4.6"), (379893, "4.5.2"), (378675, "4.5.1"), (378389, "4.5"),
)  # fmt: skip


@dataclass(frozen=True)
class RegistryFact:
    """A fact that is made of values of one key of the registry."""

    name: str
    key: str
    values: tuple[str, ...]
    missing: str = _UNKNOWN
    """What it means if there is none of them."""
    meaning: Callable[[str], str] = str


@dataclass(frozen=True)
class LineFact:
    """A fact that a line of cmd.exe tells."""

    name: str
    line: str
    missing: str = _UNKNOWN
    """What it means if it ends with an error."""


@dataclass(frozen=True)
class ScriptFact:
    """A fact that an expression of PowerShell tells; Constrained Language Mode has to take it."""

    name: str
    expression: str


def _framework(release: str) -> str:
    return next((f"{name} ({release})" for first, name in _FRAMEWORKS if int(release) >= first), release)


def _smart_app_control(state: str) -> str:
    return {"0": "off", "1": "on", "2": "evaluating"}.get(state, state)


FACTS: tuple[RegistryFact | LineFact | ScriptFact, ...] = (
    RegistryFact("Windows", _WINDOWS, ("ProductName", "EditionID", "InstallationType", "DisplayVersion")),
    RegistryFact("build", _WINDOWS, ("CurrentBuild", "UBR")),
    LineFact("version", "ver"),
    ScriptFact("menus, formats, time zone", "(Get-UICulture).Name; (Get-Culture).Name; (Get-TimeZone).Id"),
    ScriptFact("system locale", "(Get-WinSystemLocale).Name"),
    RegistryFact("code pages (ANSI, OEM)", _CODE_PAGES, ("ACP", "OEMCP")),
    LineFact("code page of a console", "chcp"),
    RegistryFact("default shell of sshd", r"HKLM\SOFTWARE\OpenSSH", ("DefaultShell",), missing="cmd.exe"),
    LineFact("tar.exe", "tar.exe --version", missing="none"),
    ScriptFact("Windows PowerShell", "[string] $PSVersionTable.PSVersion; [string] $PSVersionTable.PSEdition"),
    LineFact("PowerShell 7", "pwsh.exe -NoProfile -Command $PSVersionTable.PSVersion.ToString()", missing="none"),
    ScriptFact("LanguageMode", "[string] $ExecutionContext.SessionState.LanguageMode"),
    ScriptFact(
        "execution policies", 'Get-ExecutionPolicy -List | ForEach-Object { "$($_.Scope)=$($_.ExecutionPolicy)" }'
    ),
    ScriptFact(
        "Defender",
        '$s = Get-MpComputerStatus -ErrorAction Stop; "real-time $($s.RealTimeProtectionEnabled)"; '
        '"tamper protection $($s.IsTamperProtected)"; "engine $($s.AMEngineVersion)"',
    ),
    RegistryFact(
        "Smart App Control",
        r"HKLM\SYSTEM\CurrentControlSet\Control\CI\Policy",
        ("VerifiedAndReputablePolicyState",),
        missing="none",
        meaning=_smart_app_control,
    ),
    ScriptFact(
        "BitLocker",
        "(Get-CimInstance -ErrorAction Stop -Namespace root/cimv2/Security/MicrosoftVolumeEncryption "
        "-ClassName Win32_EncryptableVolume | Where-Object DriveLetter -eq 'C:').ProtectionStatus",
    ),
    RegistryFact("UAC", _POLICIES, ("EnableLUA",), meaning=lambda on: "off" if on == "0" else "on"),
    RegistryFact("UAC asks administrators", _POLICIES, ("ConsentPromptBehaviorAdmin", "PromptOnSecureDesktop")),
    RegistryFact(
        ".NET Framework",
        r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full",
        ("Release",),
        meaning=_framework,
    ),
    RegistryFact(
        "long paths", r"HKLM\SYSTEM\CurrentControlSet\Control\FileSystem", ("LongPathsEnabled",), missing="0"
    ),
    LineFact("made by SmolVM's own builder", r"if exist C:\smolvm-ready.txt (echo yes) else (echo no)"),
)  # fmt: skip


class Facts:
    """Asks a guest for facts.

    :param connection: a login.
    """

    def __init__(self, connection: Ssh) -> None:
        self._connection = connection
        self._told: dict[str, str] | None = None
        """What PowerShell has said, by fact; it is started once."""
        self._refused: SmolVMError | None = None
        """Why it could not be asked."""

    def server(self) -> Found:
        """What is known of the SSH server by the connection."""
        banner = self._connection.banner
        return found(f"{banner}, logged in as {self._connection.user}", banner=banner)

    def ask(self, fact: RegistryFact | LineFact | ScriptFact) -> Found:
        """Ask for one.

        :raises SmolVMError: it could not be asked; the fact is not known then.
        """
        if isinstance(fact, RegistryFact):
            said = self._value(fact)
        elif isinstance(fact, LineFact):
            said = self._line(fact)
        else:
            said = self._script(fact)
        return found(said, value=said)

    def _value(self, fact: RegistryFact) -> str:
        # Asked of this key alone: an export would have all that is below it, which may be a good part of the registry.
        shown = self._run(f'reg.exe query "{fact.key}"').stdout
        there = {name: _plain(kind, data) for name, kind, data in _SHOWN.findall(shown)}
        said = [there[name] for name in fact.values if name in there]
        return fact.meaning(" ".join(said)) if said else fact.missing

    def _line(self, fact: LineFact) -> str:
        result = self._run(fact.line)
        return " ".join(result.stdout.split()) if result.exit_code == 0 and result.stdout.strip() else fact.missing

    def _script(self, fact: ScriptFact) -> str:
        if self._refused is not None:
            raise self._refused
        if self._told is None:
            try:
                self._told = self._asked()
            except SmolVMError as exc:
                self._refused = exc
                raise
        return self._told.get(fact.name) or _UNKNOWN

    def _asked(self) -> dict[str, str]:
        # As a command, which no execution policy is about, and encoded, since cmd.exe would act on some of its letters.
        lines = ["$ProgressPreference = 'SilentlyContinue'"]
        for fact in (fact for fact in FACTS if isinstance(fact, ScriptFact)):
            said = f'try {{ $said = @($({fact.expression})) -join ", " }} catch {{ $said = "{_UNKNOWN}: $_" }}'
            lines += [said, f"'{fact.name}' + [char] 9 + ($said -replace '\\s+', ' ')"]
        encoded = base64.b64encode("\n".join(lines).encode("utf-16-le")).decode("ascii")
        result = self._run(f"powershell.exe -NoProfile -NonInteractive -EncodedCommand {encoded}")
        if result.exit_code != 0:
            raise CommandFailed("facts", result.exit_code, result.stdout, result.stderr)
        return {name: said.strip() for line in result.lines() for name, _, said in [line.partition("\t")]}

    def _run(self, line: str) -> RunResult:
        return run.run(self._connection, line, shell="cmd", timeout=_SECONDS)


def _plain(kind: str, data: str) -> str:
    return str(int(data, 16)) if kind == "REG_DWORD" else data.strip()
