"""The PowerShell in the session on the screen, started by a task; tests/apart has what this takes for Windows' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from pytest_smolvm.errors import CommandTimedOut, NoDesktop, ResidentLost
from pytest_smolvm.guest.commands import resident, spawned
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.guest.desktop.session import DesktopSession
from pytest_smolvm.guest.desktop.unreachable import DesktopLocked
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.waiting import Deadline
from tests.apart.stand_ins import SCHEDULING, Apart, built
from tests.images.practice.powershell_host.test_resident import SECONDS, Guest, joined

PUT = (
    "param($path) $null = [IO.Directory]::CreateDirectory('C:\\T'); $file = [IO.File]::Create($path);"
    " [Console]::OpenStandardInput().CopyTo($file); $file.Close()"
)
WHERE = r"""
$native = Add-Type -PassThru -Name Native -MemberDefinition @'
[DllImport("user32.dll")] public static extern IntPtr GetProcessWindowStation();
[DllImport("user32.dll")] public static extern bool GetUserObjectInformationW(IntPtr item, int about, byte[] name, int size, out int needed);
'@
$name = [byte[]]::new(200); $size = 0
$null = $native::GetUserObjectInformationW($native::GetProcessWindowStation(), 2, $name, 200, [ref] $size)
[Text.Encoding]::Unicode.GetString($name, 0, $size - 2)
"""
# A type of that name may be there already, of another script.
SWITCH = r"""
$native = Add-Type -PassThru -Name ToNAME -MemberDefinition @'
[DllImport("user32.dll", CharSet = CharSet.Unicode)] public static extern IntPtr CreateDesktopW(
    string name, IntPtr a, IntPtr b, int c, int access, IntPtr d);
[DllImport("user32.dll")] public static extern bool SwitchDesktop(IntPtr desktop);
'@
if (-not $native::SwitchDesktop($native::CreateDesktopW('NAME', 0, 0, 0, 0x10000000, 0))) { throw 'not switched' }
"""

pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc")


class Desk:
    """A guest whose connection sees no desktop, and its session on the screen."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.session = DesktopSession(lambda: guest.shells, SECONDS)

    def run(self, script: str, args: Any = (), *, stdin: bytes = b"", timeout: float | None = SECONDS) -> RunResult:
        """A script, in the session on the screen."""
        shell = self.session.via(self.guest.ssh)
        return commands.run(self.guest.ssh, script, args=args, resident=shell, stdin=stdin, timeout=timeout)

    def hotline(self) -> Hotline:
        """A way to the library there."""
        return Hotline(lambda: nullcontext(self.guest.ssh), self.run)

    def processes(self) -> set[str]:
        """The process ids of the resident there."""
        return {self.run("$PID").stdout.strip() for _ in range(4)}

    def asked(self) -> list[str]:
        """What the Task Scheduler has been asked since this was called last."""
        lines = self.guest.run(r"Get-Content C:\T\schedule.log; Remove-Item C:\T\schedule.log").stdout.splitlines()
        return [line for line in lines if line.split()[0] not in ("State", "LastTaskResult")]

    def left(self) -> list[str]:
        """Files with secrets."""
        names = self.guest.run(r"Get-ChildItem $env:LOCALAPPDATA\pytest-smolvm | ForEach-Object Name").stdout.split()
        return [name for name in names if name.startswith("pytest-smolvm-")]

    def close(self) -> None:
        """End the connections."""
        if self.session._resident is not None:
            self.session._resident.close()


def put(ssh: Ssh, path: str, content: bytes) -> None:
    commands.run(ssh, PUT, args=[path], stdin=content).check()


@pytest.fixture(scope="module")
def apart(connection: Ssh, tmp_path_factory: pytest.TempPathFactory) -> Apart:
    """A connection that sees no desktop, to where tasks are run."""
    for program in built(tmp_path_factory.mktemp("programs")):
        put(connection, rf"C:\T\{program.name}", program.read_bytes())
    commands.run(connection, SCHEDULING, shell="cmd").check()
    return Apart(connection)


@pytest.fixture(scope="module")
def unseen_guest(connection: Ssh, apart: Apart) -> Iterator[Guest]:
    """A guest whose resident sees no desktop."""
    with joined(connection, resident.start(apart)) as guest:  # type: ignore[arg-type]
        yield guest


@pytest.fixture(scope="module")
def desk(unseen_guest: Guest) -> Iterator[Desk]:
    """Its session on the screen, which no test ends."""
    desk = Desk(unseen_guest)
    yield desk
    desk.close()


@pytest.fixture
def mortal(unseen_guest: Guest) -> Iterator[Desk]:
    """Another, which knows of no other, and in which all may be ended."""
    unseen_guest.run(r"Remove-Item HKCU:\Software\pytest-smolvm -ErrorAction SilentlyContinue")
    desk = Desk(unseen_guest)
    yield desk
    desk.close()


@pytest.fixture
def program(connection: Ssh) -> Iterator[Any]:
    """Has tasks run something else."""
    yield lambda line: put(connection, r"C:\T\schedule.program", line)
    commands.run(connection, r"del C:\T\schedule.program", shell="cmd")


def test_a_script_runs_in_the_session_on_the_screen(desk: Desk) -> None:
    ordinary = desk.guest.run(WHERE).stdout.strip()

    assert ("Service-0x0-3e7$", "WinSta0") == (ordinary, desk.run(WHERE).stdout.strip())
    assert 2 == len(desk.processes())
    assert set() == desk.processes() & desk.guest.processes()


def test_its_task_runs_once_for_this_user_and_is_gone(mortal: Desk) -> None:
    mortal.asked()
    assert ("1", "2") == (mortal.run("1").stdout.strip(), mortal.run("2").stdout.strip())
    connect, folder, register, run, delete = mortal.asked()

    assert ("Connect", "GetFolder", "DeleteTask") == (connect, folder, delete)
    assert "RunEx 4 1" == run  # TASK_RUN_USE_SESSION_ID
    user = mortal.guest.run("[Security.Principal.WindowsIdentity]::GetCurrent().User.Value").stdout.strip()
    assert f"<UserId>{user}</UserId><LogonType>InteractiveToken</LogonType>" in register
    assert register.endswith("</Task> 3")  # TASK_LOGON_INTERACTIVE_TOKEN


def test_nobody_is_told_its_secret(mortal: Desk) -> None:
    mortal.asked()
    mortal.run("1").check()
    assert mortal.session._resident is not None
    secret = mortal.session._resident._endpoint.secret

    assert secret not in "".join(mortal.asked())
    assert [] == mortal.left()
    assert "False" == mortal.run("Test-Path env:SMOLVM_RESIDENT").stdout.strip()


def test_where_the_ordinary_one_is_on_the_screen_no_second_is_started(connection: Ssh, apart: Apart) -> None:
    with joined(connection, resident.start(connection)) as guest:
        desk = Desk(guest)
        desk.asked()

        assert guest.processes() == desk.processes()
        assert "WinSta0" == desk.run(WHERE).stdout.strip()
        assert [] == desk.asked()


def test_a_script_is_run_as_any_other(desk: Desk) -> None:
    result = desk.run("param($a) \"$a $input\"; [Console]::Error.Write('é'); exit 7", ["ä"], stdin=b"in")

    assert ("ä in\r\n", "é", 7) == (result.stdout, result.stderr, result.exit_code)


def test_what_ends_neither_at_its_time_nor_when_told_to_is_ended(mortal: Desk) -> None:
    """Its process starts a successor, from within the job of a task."""
    before = mortal.processes()
    with pytest.raises(CommandTimedOut):
        mortal.run("'begun'; [Threading.Thread]::Sleep(300000)", timeout=1)

    assert 2 == len(mortal.processes())
    assert 1 == len(mortal.processes() & before)


def test_a_program_outlives_its_call_there(desk: Desk) -> None:
    program = spawned.spawn(desk.run, ["ping", "-n", "30", "127.0.0.1"])
    assert program.running
    program.kill()

    assert 1 == program.wait(SECONDS)


def test_one_that_ends_is_told_and_started_anew(mortal: Desk) -> None:
    before = mortal.processes()
    for _ in before:
        with pytest.raises(ResidentLost) as caught:
            # At once: on wine an exit of .NET's was seen to wait for ever for another thread of the process.
            mortal.run("'last words'; [Diagnostics.Process]::GetCurrentProcess().Kill()")
        assert caught.value.begun

    assert before.isdisjoint(mortal.processes())


def test_those_that_have_ended_while_nothing_was_asked_are_started_anew(mortal: Desk) -> None:
    before = mortal.processes()
    mortal.guest.run(f"Stop-Process {','.join(before)}").check()

    assert before.isdisjoint(mortal.processes())


def test_another_host_finds_those_that_run(mortal: Desk) -> None:
    """As the one does that has the guest from a layer or a snapshot."""
    before = mortal.processes()
    mortal.close()
    mortal.asked()
    mortal.session = DesktopSession(lambda: mortal.guest.shells, SECONDS)

    assert before == mortal.processes()
    assert [] == mortal.asked()


def test_a_refusal_of_the_task_scheduler_is_told(mortal: Desk, connection: Ssh) -> None:
    put(connection, r"C:\T\schedule.hresult", b"80070005")
    try:
        with pytest.raises(NoDesktop, match=r"Task Scheduler runs nothing in session 1 .*: .*\(0x80070005\)"):
            mortal.run("1")
    finally:
        commands.run(connection, r"del C:\T\schedule.hresult", shell="cmd")

    assert "1" == mortal.run("1").stdout.strip()


def test_a_task_whose_program_ends_is_told(mortal: Desk, program: Any) -> None:
    program(b"cmd.exe /c exit 5")
    with pytest.raises(NoDesktop, match="its program has ended with 0x00000005"):
        mortal.run("1")


def test_a_task_that_never_runs_is_told(mortal: Desk, program: Any) -> None:
    program(b"")
    mortal.session = DesktopSession(lambda: mortal.guest.shells, patience=1)
    mortal.asked()
    with pytest.raises(NoDesktop, match="its program has said nothing in time"):
        mortal.run("1")

    assert "DeleteTask" == mortal.asked()[-1]
    assert [] == mortal.left()


def test_a_locked_screen_is_told(desk: Desk) -> None:
    helper = DesktopHelper(desk.hotline())
    assert helper.look(Deadline(SECONDS)).tree is None
    desk.run(SWITCH.replace("NAME", "Winlogon")).check()
    try:
        with pytest.raises(DesktopLocked, match="shows the desktop Winlogon, programs are on shell: it is locked"):
            helper.look(Deadline(SECONDS))
    finally:
        desk.run(SWITCH.replace("NAME", "shell")).check()
    helper.look(Deadline(SECONDS))


def test_a_library_whose_powershell_ends_is_loaded_and_asked_anew(mortal: Desk) -> None:
    hotline = mortal.hotline()
    before = hotline(Deadline(SECONDS), ["look", 0])["windows"]
    mortal.guest.run(f"Stop-Process {','.join(mortal.processes())}").check()

    assert before == hotline(Deadline(SECONDS), ["look", 0])["windows"]
    hotline.forget()


def test_a_library_answers_nobody_who_does_not_know_its_secret(desk: Desk) -> None:
    hotline = desk.hotline()
    hotline(Deadline(SECONDS), ["where"])
    assert hotline._listening is not None
    port, secret = hotline._listening
    for given in (secret.swapcase(), "0" * len(secret)):
        stream = desk.guest.ssh.tunnel("127.0.0.1", port)
        stream.settimeout(SECONDS)
        stream.sendall(given.encode())
        assert b"" == stream.recv(1)
        stream.close()

    stream = desk.guest.ssh.tunnel("127.0.0.1", port)
    stream.settimeout(SECONDS)
    stream.sendall(secret[:5].encode())

    assert b"" == stream.recv(1)  # when it has said nothing more for three seconds
    hotline.forget()
