"""Commands and files in a booted guest."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import paramiko
import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import CommandFailed, CommandTimedOut, OutputLimitExceeded, TransferError, UsageError

MEBI = 2**20
MANY = 14  # MaxSessions is 10


def test_powershell_has_streams_and_exit_code_apart(windows_vm_module: SmolVM) -> None:
    result = windows_vm_module.run("'out'; [Console]::Error.WriteLine('err'); exit 3")

    assert ("out", "err", 3) == (result.stdout.strip(), result.stderr.strip(), result.exit_code)
    assert result.duration > 0


def test_cmd_exit_codes_have_32_bits(windows_vm_module: SmolVM) -> None:
    assert windows_vm_module.run("exit -1", shell="cmd").exit_code == 4294967295


def test_a_failed_command_raises_with_both_streams(windows_vm_module: SmolVM) -> None:
    with pytest.raises(CommandFailed) as caught:
        windows_vm_module.run("echo unpacking& echo no licence 1>&2& exit 1603", shell="cmd", check=True)

    assert caught.value.exit_code == 1603
    assert "unpacking" in str(caught.value)
    assert "no licence" in str(caught.value)


def test_unicode_both_ways(windows_vm_module: SmolVM) -> None:
    text = "grüße, 日本語, \U0001f600, 'quotes' \"double\" `tick` $dollar %PATH%"

    assert windows_vm_module.run("[Console]::In.ReadToEnd()", input=text).stdout.strip() == text
    assert windows_vm_module.run("@'\n" + text + "\n'@").stdout.strip() == text


def test_a_script_of_a_megabyte(windows_vm_module: SmolVM) -> None:
    script = f"$text = '{'x' * MEBI}'\n$text.Length"

    assert windows_vm_module.run(script).stdout.strip() == str(MEBI)


def test_twenty_megabytes_on_both_streams(windows_vm_module: SmolVM) -> None:
    script = (
        "$piece = 'x' * 1MB; foreach ($i in 1..20) { [Console]::Out.Write($piece); [Console]::Error.Write($piece) }"
    )

    result = windows_vm_module.run(script, timeout=600)

    assert (20 * MEBI, 20 * MEBI) == (len(result.stdout), len(result.stderr))


def test_a_timeout_ends_the_command_and_its_children(windows_vm_module: SmolVM) -> None:
    started = time.monotonic()

    with pytest.raises(CommandTimedOut) as caught:
        windows_vm_module.run("echo started& ping -n 300 127.0.0.1", shell="cmd", timeout=20)

    assert "started" in caught.value.stdout
    assert time.monotonic() - started < 60
    assert "ping.exe" not in windows_vm_module.run("tasklist", shell="cmd").stdout.lower()


def test_upload_creates_parents_and_replaces(windows_vm_module: SmolVM, tmp_path: Path) -> None:
    source, back = tmp_path / "a.bin", tmp_path / "b.bin"
    source.write_bytes(bytes(range(256)) * 1000)
    remote = r"C:\Users\smolvm\deep\er\dätei.bin"

    windows_vm_module.write_text(remote, "old")
    windows_vm_module.upload_file(source, remote)
    windows_vm_module.download_file(remote, back)

    assert source.read_bytes() == back.read_bytes()


@pytest.mark.parametrize("path", ["a.txt", r"C:\a<b", r"C:\nul", r"C:\x\..\y"])
def test_paths_windows_cannot_have_are_refused_before_anything_is_sent(windows_vm_module: SmolVM, path: str) -> None:
    with pytest.raises(UsageError):
        windows_vm_module.write_text(path, "x")


def test_a_local_file_that_is_missing(windows_vm_module: SmolVM, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*gone"):
        windows_vm_module.upload_file(tmp_path / "gone", r"C:\gone")


def test_a_guest_file_that_is_missing(windows_vm_module: SmolVM) -> None:
    with pytest.raises(TransferError, match="no such file"):
        windows_vm_module.read_text(r"C:\gone.txt")


def test_environment_is_seen_by_the_next_command(windows_vm_module: SmolVM) -> None:
    windows_vm_module.set_env({"APP_MODE": 'a "b" %PATH% ü'})

    assert windows_vm_module.run("$env:APP_MODE").stdout.strip() == 'a "b" %PATH% ü'
    query = windows_vm_module.run(r"reg query HKCU\Environment /v APP_MODE", shell="cmd")
    assert "REG_SZ" in query.stdout


@pytest.mark.parametrize("line", ["", "a\nb", "x" * 9000])
def test_lines_cmd_cannot_take(windows_vm_module: SmolVM, line: str) -> None:
    with pytest.raises(UsageError):
        windows_vm_module.run(line, shell="cmd")


def test_an_unknown_shell(windows_vm_module: SmolVM) -> None:
    with pytest.raises(UsageError, match="bash"):
        windows_vm_module.run("1", shell="bash")


def test_two_threads_at_once(windows_vm_module: SmolVM) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as threads:
        results = threads.map(lambda n: windows_vm_module.run(f"echo {n}", shell="cmd").stdout.strip(), range(4))

    assert list(results) == ["0", "1", "2", "3"]


def test_arguments_arrive_as_they_are(windows_vm_module: SmolVM) -> None:
    awkward = "a 'b\" %PATH% $x `c"

    result = windows_vm_module.run("$args[0]; $args[1] + 1", args=[awkward, 41], check=True)

    assert f"{awkward}\r\n42\r\n" == result.stdout


def test_a_script_gives_python_values(windows_vm_module: SmolVM) -> None:
    assert {"a": 1, "b": [True, None, "x"]} == windows_vm_module.run_json("@{a = 1; b = @($true, $null, 'x')}")


def test_lines_come_while_the_script_runs(windows_vm_module: SmolVM) -> None:
    """It goes on only when its first line has been seen."""
    lines: list[str] = []
    seen = r"C:\Users\smolvm\seen.txt"

    def answer(line: str) -> None:
        lines.append(line)
        windows_vm_module.write_text(seen, "")

    script = f"'one'; while (-not (Test-Path {seen})) {{ Start-Sleep -Milliseconds 100 }}; 'two'"
    windows_vm_module.run(script, on_output=answer, check=True, timeout=120)

    assert ["one", "two"] == lines


def test_too_much_output_ends_the_command(windows_vm_module: SmolVM) -> None:
    with pytest.raises(OutputLimitExceeded) as caught:
        windows_vm_module.run("for /L %i in (1,1,1000) do @echo 0123456789", shell="cmd", max_output=100)
    assert 100 == len(caught.value.stdout)


def test_more_commands_at_once_than_sshd_has_sessions_for(windows_vm_module: SmolVM) -> None:
    """A hundred calls of PowerShell at once are in tests/powershell_host."""

    def call(number: int) -> str:
        return windows_vm_module.run(f"echo {number}", shell="cmd").stdout.strip()

    with ThreadPoolExecutor(MANY) as threads:
        results = list(threads.map(call, range(MANY)))

    assert [str(number) for number in range(MANY)] == results


def test_a_command_waits_while_sshd_has_no_session_left(windows_vm_module: SmolVM) -> None:
    with windows_vm_module._using() as ssh, ExitStack() as held:
        with pytest.raises(paramiko.ChannelException):
            while True:
                held.enter_context(closing(ssh._transport.open_session()))
        with pytest.raises(CommandTimedOut):
            windows_vm_module.run("ver", shell="cmd", timeout=1)
        held.close()

        assert "Windows" in windows_vm_module.run("ver", shell="cmd").stdout


def test_what_printed_too_much_is_ended(windows_vm_module: SmolVM) -> None:
    with pytest.raises(OutputLimitExceeded):
        # ping keeps what it prints to a pipe to itself until it has some thousand bytes; cmd.exe does not.
        windows_vm_module.run(f"echo {'x' * 30} & ping -n 600 127.0.0.1", shell="cmd", max_output=20)

    assert "ping.exe" not in windows_vm_module.run("tasklist", shell="cmd").stdout.lower()
