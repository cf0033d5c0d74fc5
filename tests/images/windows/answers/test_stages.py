"""What the three stages do to a system, with programs in place of those that need a real Windows.

The registry is wine's, the rest of Windows is played: every command is noted with its words.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.sftp import sftp_path
from tests.images.windows.answers.conftest import SETUP, Inside
from tests.images.windows.discs import openssh_package

GOOD = "cmd.exe /c 'exit 0'"
SPECIALIZE = dict.fromkeys(("pnputil.exe", "powercfg.exe", "net.exe", "secedit.exe", "reg.exe"), GOOD)
FIRST_LOGON = dict.fromkeys(
    ("sc.exe", "netsh.exe", "msiexec.exe", "shutdown.exe", "Get-Service", "Start-Service", "Set-LocalUser"), GOOD
)
FINISH = dict.fromkeys(
    ("dism.exe", "reagentc.exe", "defrag.exe", "Remove-Partition", "Resize-Partition", "Start-Sleep"), GOOD
)
PARTITIONS = {
    "Get-Partition": "[pscustomobject]@{ DiskNumber = 0; PartitionNumber = 4; Size = 60GB; GptType = '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}' }",
    "Get-PartitionSupportedSize": "[pscustomobject]@{ SizeMax = 61GB }",
}
REMOVED = "Remove-Partition -DiskNumber 0 -PartitionNumber 4 -Confirm: False"
WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
SYSTEM = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
MEMORY = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management"
DEFAULT_USER = r"HKU\SmolvmDefault"
CURRENT = rf"{DEFAULT_USER}\Software\Microsoft\Windows\CurrentVersion"
POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft"
WINDOWS = r"C:\windows"


def query(inside: Inside, command: str) -> int:
    return run.run(inside.connection, command, shell="cmd", timeout=180).exit_code


def test_specialize(inside: Inside) -> None:
    """No step fails; what pages, encryption and the page file need is set; nothing of the desktop."""
    played = inside.play("specialize", SPECIALIZE)

    assert played.failed == {}
    bypass, clearing, lua, consent = inside.values(
        (r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\OOBE", "BypassNRO"),
        (MEMORY, "ClearPageFileAtShutdown"),
        (SYSTEM, "EnableLUA"),
        (SYSTEM, "ConsentPromptBehaviorAdmin"),
    ).values()
    assert (bypass, clearing) == ("0x1", "0x1")
    assert "0x0" not in (lua, consent)
    assert not [line for line in played.commands if line.startswith("reg.exe")]


def test_specialize_for_a_desktop(inside: Inside) -> None:
    """No lock, screen saver, toasts, widgets, OneDrive, tips, changing pictures: for the machine, and for users to come."""
    query(inside, rf'reg.exe add "{CURRENT}\Run" /v OneDriveSetup /d x /f')

    played = inside.play("specialize", SPECIALIZE, desktop=True, uac="silent")

    assert played.failed == {}
    assert [line for line in played.commands if line.startswith("reg.exe")] == [
        r"reg.exe load HKU\SmolvmDefault C:\Users\Default\NTUSER.DAT",
        r"reg.exe unload HKU\SmolvmDefault",
    ]
    expected = {
        (SYSTEM, "InactivityTimeoutSecs"): "0x0",
        (SYSTEM, "ConsentPromptBehaviorAdmin"): "0x0",
        (SYSTEM, "DisableAutomaticRestartSignOn"): "0x1",
        (rf"{POLICIES}\Windows\Personalization", "NoLockScreen"): "0x1",
        (rf"{POLICIES}\Dsh", "AllowNewsAndInterests"): "0x0",
        (rf"{POLICIES}\Windows\OneDrive", "DisableFileSyncNGSC"): "0x1",
        (rf"{DEFAULT_USER}\Control Panel\Desktop", "ScreenSaveActive"): "0",
        (rf"{CURRENT}\PushNotifications", "ToastEnabled"): "0x0",
        (rf"{CURRENT}\ContentDeliveryManager", "SubscribedContent-338389Enabled"): "0x0",
        (rf"{CURRENT}\UserProfileEngagement", "ScoobeSystemSettingEnabled"): "0x0",
        (rf"{CURRENT}\DesktopSpotlight\Settings", "EnabledState"): "0x0",
        (rf"{CURRENT}\Run", "OneDriveSetup"): None,
    }
    assert inside.values(*expected) == expected


def test_no_user_account_control(inside: Inside) -> None:
    """Off before the first restart, since Windows reads it when it starts."""
    played = inside.play("specialize", SPECIALIZE, uac="off")

    assert played.failed == {}
    assert inside.value(SYSTEM, "EnableLUA") == "0x0"


def logged_on(inside: Inside) -> None:
    values = {"DefaultPassword": "hunter2", "AutoAdminLogon": "1", "AutoLogonCount": "1"}
    query(inside, " & ".join(f'reg.exe add "{WINLOGON}" /v {name} /d {value} /f' for name, value in values.items()))


def logon(inside: Inside) -> list[str | None]:
    return list(
        inside.values(*((WINLOGON, name) for name in ("AutoAdminLogon", "DefaultPassword", "AutoLogonCount"))).values()
    )


def test_first_logon(inside: Inside) -> None:
    """One automatic logon and no second one, whatever Windows counts; the password is not in the registry."""
    logged_on(inside)

    played = inside.play("first-logon", FIRST_LOGON)

    assert played.steps["automatic logon"] == "ok"
    assert "keyboard" not in played.steps
    assert logon(inside) == ["0", None, None]
    assert played.commands[-1].startswith("shutdown.exe /s")


def test_an_ssh_server_in_a_system_that_is_in_use(inside: Inside) -> None:
    """Through a guest agent: nothing else of the system is touched, nor is it shut down."""
    logged_on(inside)

    played = inside.play("ssh", FIRST_LOGON | {"Add-WindowsCapability": ""})

    assert played.failed == {}
    assert "Add-WindowsCapability -Online -Name OpenSSH.Server~~~~0.0.1.0" in played.commands
    assert set(played.steps) == {"openssh", "sshd shell", "sshd", "sshd retries", "sshd start", "firewall"}
    assert logon(inside) == ["1", "hunter2", "1"]
    assert not [line for line in played.commands if line.startswith("shutdown.exe")]


def test_a_package_replaces_an_ssh_server_that_is_there(inside: Inside, tmp_path: Path) -> None:
    """One that somebody has unpacked and never started, or has stopped."""
    there, package = r"C:\Program Files\OpenSSH", rf"{SETUP}\openssh"
    new = openssh_package(
        tmp_path, "param([switch] $Confirm) Set-Content -LiteralPath $PSScriptRoot\\new.txt -Value new"
    )
    file.write(inside.connection.sftp, rf"{there}\install-sshd.ps1", b"throw 'this is the old one'")
    file.upload(inside.connection.sftp, new, rf"{package}\OpenSSH-Win64.zip")
    try:
        played = inside.play("ssh", FIRST_LOGON | {"Stop-Service": GOOD})
        listed = {*inside.connection.sftp.listdir(sftp_path(there))}
    finally:
        query(inside, f'rmdir /s /q "{there}" "{package}"')

    assert played.failed == {}
    assert played.commands[0].startswith("Stop-Service ")
    assert listed == {"install-sshd.ps1", "new.txt"}


def test_first_logon_for_a_desktop(inside: Inside) -> None:
    """The password goes only where it is kept as a secret, or the next start would log nobody on. Wine keeps none."""
    logged_on(inside)

    played = inside.play("first-logon", FIRST_LOGON, desktop=True)

    assert played.steps["automatic logon"].startswith("failed: LsaStorePrivateData")
    assert logon(inside)[:2] == ["1", "hunter2"]


def test_first_logon_in_another_language(inside: Inside) -> None:
    """Keys that the host presses are places on a US keyboard, so the user gets one under the language of the menus."""
    tips = (
        "$tips = New-Object 'Collections.Generic.List[string]'; $tips.Add('0407:00000407');"
        " $all = New-Object 'Collections.Generic.List[object]'; $all.Add(@{ InputMethodTips = $tips }); , $all"
    )
    language = {
        "New-WinUserLanguageList": tips,
        "Set-WinUserLanguageList": "Add-Content -LiteralPath $env:TEMP\\tips.txt -Value $args[1][0].InputMethodTips",
        "Set-WinDefaultInputMethodOverride": "",
    }

    played = inside.play(
        "first-logon",
        FIRST_LOGON | language,
        "Remove-Item $env:TEMP\\tips.txt -ErrorAction Ignore",
        ui_language="de-DE",
    )

    assert played.steps["keyboard"] == "ok"
    assert "New-WinUserLanguageList -Language de-DE" in played.commands
    assert "Set-WinDefaultInputMethodOverride -InputTip 0407:00000409" in played.commands
    assert run.run(inside.connection, "type %TEMP%\\tips.txt", shell="cmd", timeout=60).stdout.split() == [
        "0407:00000409"
    ]


@pytest.fixture(name="answer_files")
def _answer_files(inside: Inside) -> list[str]:
    """Copies of the answer file wherever Windows leaves some."""
    places = [
        rf"{WINDOWS}\Panther\unattend.xml",
        rf"{WINDOWS}\Panther\unattend-original.xml",
        rf"{WINDOWS}\Panther\Unattend\unattend.xml",
        rf"{WINDOWS}\System32\Sysprep\unattend.xml",
        r"C:\Autounattend.xml",
    ]
    for place in places:
        file.write(inside.connection.sftp, place, b"<Value>hunter2</Value>")
    return places


def test_finish(inside: Inside, answer_files: list[str]) -> None:
    """Recovery's partition goes and C: grows; no answer file stays; guests need not empty their page file."""
    kept = rf"{WINDOWS}\Panther\setupact.log"
    file.write(inside.connection.sftp, kept, b"for a look")

    played = inside.play("finish", FINISH | PARTITIONS)

    assert played.failed == {}
    assert query(inside, " & ".join(f"if exist {place} exit 7" for place in answer_files)) == 0
    assert query(inside, f"if not exist {kept} exit 7") == 0
    assert inside.value(MEMORY, "ClearPageFileAtShutdown") == "0x0"
    assert REMOVED in played.commands
    assert f"Resize-Partition -DriveLetter C -Size {61 << 30}" in played.commands
    assert played.commands.index("reagentc.exe /disable") < played.commands.index(REMOVED)
    assert played.commands[-1] == "defrag.exe C: /L"


def test_finish_without_a_recovery_partition(inside: Inside) -> None:
    """Nothing to remove, and C: is as large as it can be."""
    played = inside.play(
        "finish",
        FINISH
        | {"Get-Partition": "[pscustomobject]@{ DiskNumber = 0; Size = 61GB; GptType = 'x' }"}
        | {"Get-PartitionSupportedSize": "[pscustomobject]@{ SizeMax = 61GB }"},
    )

    assert played.failed == {}
    assert not [line for line in played.commands if line.startswith(("Remove-Partition", "Resize-Partition"))]


@pytest.mark.parametrize(("fails", "outcome"), [(2, "ok"), (9, "failed: dism.exe ended with -2146498554")])
def test_components_that_are_still_installed(inside: Inside, fails: int, outcome: str) -> None:
    """0x800f0806: it helps to ask again, and not for ever."""
    dism = f"$global:asked++; if ($global:asked -le {fails}) {{ cmd.exe /c 'exit -2146498554' }} else {{ {GOOD} }}"

    played = inside.play("finish", FINISH | PARTITIONS | {"dism.exe": dism}, "$global:asked = 0")

    assert played.steps["components"].startswith(outcome)
    assert sum(line.startswith("dism.exe") for line in played.commands) == min(fails, 3) + 1
    assert sum(line == "Start-Sleep -Seconds 60" for line in played.commands) == min(fails, 3)
    assert played.steps["trim"] == "ok"
    assert query(inside, rf"if not exist {SETUP}\finish.ps1 exit 7") == 0
