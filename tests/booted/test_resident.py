"""The PowerShell that waits in every clone."""

from __future__ import annotations

import time

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import CommandFailed, GuestUnreachable, ResidentLostWarning
from tests.booted.conftest import kill_every_powershell, linux


def test_a_call_sees_nothing_of_the_call_before(windows_vm_module: SmolVM) -> None:
    left = "$x = 1; $global:y = 2; Set-Location C:\\; $ErrorActionPreference = 'Stop'; $env:SMOLVM_Z = 3; function f { 4 }; Write-Error e"
    for _ in range(3):  # both processes, and one of them twice
        assert 1 == windows_vm_module.run(left).exit_code
    seen = windows_vm_module.run_json(
        '@([bool]$x, [bool]$y, (Get-Location).Path, "$ErrorActionPreference", [bool]$env:SMOLVM_Z, [bool](Get-Command f -ea Ignore), $Error.Count)'
    )

    home = windows_vm_module.run("$env:USERPROFILE").stdout.strip()
    assert [False, False, home, "Continue", False, False, 0] == seen


def test_a_changed_environment_is_seen_by_every_next_call(windows_vm_module: SmolVM) -> None:
    for value in ("plain", "bär"):
        windows_vm_module.set_env({"SMOLVM_CHANGED": value})
        assert [value] * 3 == [windows_vm_module.run("$env:SMOLVM_CHANGED").stdout.strip() for _ in range(3)]
    windows_vm_module.unset_env("SMOLVM_CHANGED")

    assert "False" == windows_vm_module.run("Test-Path env:SMOLVM_CHANGED").stdout.strip()


def test_an_error_shows_the_script_and_nothing_of_ours(windows_vm_module: SmolVM) -> None:
    result = windows_vm_module.run("Write-Error oops")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "oops" in result.stderr
    assert "SetData" not in result.stderr


def test_the_calls_share_processes_unless_a_fresh_one_is_asked_for(windows_vm_module: SmolVM) -> None:
    own = {windows_vm_module.run("$PID").stdout for _ in range(4)}

    assert 2 >= len(own)
    assert windows_vm_module.run("$PID", fresh=True).stdout not in own


def test_a_clone_wakes_with_the_time_of_the_host(windows_vm_module: SmolVM) -> None:
    before = time.time()
    guest = int(windows_vm_module.run("[DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()").stdout) / 1000
    after = time.time()

    # QEMU's hardware clock, which the practice guest follows, begins with the second that has begun (mc146818rtc): it is
    # up to one second late for good, and the guest notices a difference within a quarter of a second.
    assert before - 2 <= guest <= after + 1


def test_a_program_is_started_waited_for_and_read(windows_vm_module: SmolVM) -> None:
    program = windows_vm_module.spawn('cmd /c "echo out& echo err 1>&2& exit 7"')

    assert 7 == program.wait(120)
    assert ("out", "err") == (program.stdout.strip(), program.stderr.strip())
    with pytest.raises(CommandFailed):
        windows_vm_module.spawn(r"C:\there\is\no.exe")


def test_a_program_outlives_the_call_and_is_killed(windows_vm_module: SmolVM) -> None:
    program = windows_vm_module.spawn(["ping", "-n", "1000", "127.0.0.1"])
    assert program.running
    assert "ping.exe" in windows_vm_module.run("tasklist", shell="cmd").stdout.lower()

    program.kill()

    assert 1 == program.wait(120)
    assert "ping.exe" not in windows_vm_module.run("tasklist", shell="cmd").stdout.lower()


def test_calls_go_on_after_every_powershell_was_killed(windows_vm: SmolVM) -> None:
    kill_every_powershell(windows_vm)

    with pytest.warns(ResidentLostWarning, match="every call"):
        assert "still here" == windows_vm.run("'still here'", check=True).stdout.strip()


# Those of sshd's processes that are the user's: his connections end as when it is restarted.
DROP = '-c "for p in /proc/[0-9]*; do read name <$p/comm; case $name in sshd*) kill -9 ${p#/proc/};; esac; done"'


def test_a_call_whose_connection_the_server_drops_is_told_and_the_next_ones_work(windows_vm: SmolVM) -> None:
    with pytest.raises(GuestUnreachable, match="the SSH connection broke"):
        windows_vm.run(linux(r"bin\sh", DROP) + "Start-Sleep 600")

    assert "PowerShell" == windows_vm.run("'PowerShell'", check=True).stdout.strip()
    assert "cmd" == windows_vm.run("echo cmd", shell="cmd", check=True).stdout.strip()
