"""What real Windows does and the practice guest does not unless a switch says so, its programs running on this host."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path, PureWindowsPath

import pytest

from pytest_smolvm.errors import (
    CommandTimedOut,
    GuestUnreachable,
    ImageError,
    ResidentLost,
    ResidentLostWarning,
    ServiceError,
    SmolVMError,
    TimedOut,
    TransferError,
    TransferInterrupted,
)
from pytest_smolvm.guest.commands import powershell, resident, spawned
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.commands.run import run
from pytest_smolvm.guest.commands.surroundings import look_around
from pytest_smolvm.guest.commands.values import run_json
from pytest_smolvm.guest.files import file, filesystem, removal, renaming, tree
from pytest_smolvm.guest.link.login import Account, wait_for_login
from pytest_smolvm.guest.link.sftp import Sftp
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.system import sshd
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import until
from tests.booted.conftest import linux
from tests.images.practice.powershell_host.test_resident import another, joined
from tests.userland import practice_userland

SECONDS = 60.0
_MOMENT = 4.0
SWITCHES = r"HKLM\SOFTWARE\pytest-smolvm\practice"
MACHINE = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
DIRECTORY = PureWindowsPath(r"C:\harsh")


@contextmanager
def value(ssh: Ssh, key: str, name: str, data: str, kind: str = "REG_SZ") -> Iterator[None]:
    """A value of the registry, for the length of the block; afterwards it is as it was."""
    found = run(ssh, f'reg query "{key}" /v {name}', shell="cmd")
    before = found.stdout.split()[-1:] if found.exit_code == 0 else []
    run(ssh, f'reg add "{key}" /v {name} /t {kind} /d "{data}" /f', shell="cmd").check()
    try:
        yield
    finally:
        again = (
            f'reg add "{key}" /v {name} /t {kind} /d "{before[0]}" /f' if before else f'reg delete "{key}" /v {name} /f'
        )
        run(ssh, again, shell="cmd").check()


def switched(ssh: Ssh, name: str, number: int = 1) -> AbstractContextManager[None]:
    """A switch of the practice guest is set for the length of the block."""
    return value(ssh, SWITCHES, name, str(number), "REG_DWORD")


@pytest.fixture
def old(connection: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says that it is an old one of Windows'."""
    monkeypatch.setattr(connection._transport, "remote_version", "SSH-2.0-OpenSSH_for_Windows_8.1")


@pytest.fixture
def there(connection: Ssh) -> Iterator[PureWindowsPath]:
    """An empty directory of the guest."""
    filesystem.make_directories(connection.sftp, DIRECTORY)
    yield DIRECTORY
    removal.remove(connection, str(DIRECTORY))


@pytest.fixture
def grove(tmp_path: Path) -> Path:
    """A directory of this host, with what a tree may have."""
    root = tmp_path / "grove"
    (root / "empty").mkdir(parents=True)
    (root / "Grüße").mkdir()
    (root / "Grüße" / "100% ü.txt").write_text("deep")
    (root / "fixed.txt").write_text("read-only")
    (root / "fixed.txt").chmod(0o444)
    return root


def seen(root: Path) -> dict[str, tuple[bytes, int, int] | None]:
    """What is in a directory: content, time and mode of the files."""
    return {
        str(path.relative_to(root)): None
        if path.is_dir()
        else (path.read_bytes(), int(path.stat().st_mtime), path.stat().st_mode & 0o200)
        for path in root.rglob("*")
    }


# --- sockets that every program inherits ----------------------------------------------------------------------------


@pytest.mark.parametrize(("hidden", "held"), [(True, False), (False, True)], ids=["ours", "as it was"])
def test_a_program_that_outlives_a_resident_does_not_hold_its_port(connection: Ssh, hidden: bool, held: bool) -> None:
    """It did before the library kept its sockets from programs, and so it would again: the switch shows it."""
    keeping = "Hide(socket.Handle);"
    assert keeping in powershell.library()
    source = powershell.library() if hidden else powershell.library().replace(keeping, "")
    with switched(connection, "InheritableSockets"):
        endpoint = resident.start(connection, processes=1, source=source, timeout=SECONDS)
        with joined(connection, endpoint) as guest:
            spawned.spawn(guest.resident_only, ["ping", "-n", "1000", "127.0.0.1"])
            (process,) = guest.processes()
            run(connection, f"taskkill /f /pid {process}", shell="cmd").check()

            assert held != is_given_up(connection, endpoint.ports[0])
            run(connection, "taskkill /f /im ping.exe", shell="cmd").check()


def is_given_up(ssh: Ssh, port: int) -> bool:
    """Whether nobody has a port of the guest's loopback any more, in a moment."""

    def refused() -> bool:
        try:
            ssh.tunnel("127.0.0.1", port).close()
        except GuestUnreachable:
            return True
        return False

    try:
        return until("the end of a port", refused, timeout=_MOMENT, interval=0.1)
    except TimedOut:
        return False


def test_a_powershell_that_restarts_gets_its_port_back(connection: Ssh) -> None:
    with switched(connection, "InheritableSockets"), joined(connection, resident.start(connection)) as guest:
        before = guest.processes()

        with pytest.raises(CommandTimedOut):
            guest.run("'before'; [Threading.Thread]::Sleep(300000)", timeout=1)
        after = guest.processes()

    assert (2, 1) == (len(after), len(after & before))


def test_a_program_that_outlives_its_powershell_holds_no_call_up(connection: Ssh) -> None:
    with switched(connection, "InheritableSockets"), joined(connection, resident.start(connection)) as guest:
        program = spawned.spawn(guest.resident_only, ["ping", "-n", "1000", "127.0.0.1"])
        for process in guest.processes():
            run(connection, f"taskkill /f /pid {process}", shell="cmd").check()

        said: list[str] = []
        calling = threading.Thread(
            target=lambda: said.append(guest.run("'on'", timeout=None).stdout.strip()), daemon=True
        )
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            calling.start()
            calling.join(SECONDS)
        program.kill()

    assert (["on"], [ResidentLostWarning]) == (said, [warning.category for warning in told])


# --- who looks into new files, and old servers ----------------------------------------------------------------------


def test_a_scanner_is_waited_for(connection: Ssh, there: PureWindowsPath, grove: Path, tmp_path: Path) -> None:
    with switched(connection, "Scanner", 700):
        file.write(connection.sftp, there / "new.txt", b"first")
        file.write(connection.sftp, there / "new.txt", b"second")
        left = [tree.upload(connection, grove, there / "tree") for _ in range(2)]

    assert [[], []] == left
    assert b"second" == file.read(connection.sftp, there / "new.txt")
    tree.download(connection, there / "tree", tmp_path / "back")
    assert seen(grove) == seen(tmp_path / "back")
    assert ["new.txt", "tree"] == filesystem.names(connection.sftp, there)


def test_a_scanner_is_waited_for_before_something_is_removed(
    connection: Ssh, there: PureWindowsPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For some seconds: whatever has it open for longer is no scanner."""
    for name in ("short.txt", "long.txt"):
        file.write(connection.sftp, there / name, b"new")

    with switched(connection, "RemovalScanner", 700):
        filesystem.remove(connection.sftp, there / "short.txt")
    monkeypatch.setattr(filesystem, "HELD_SECONDS", 0.5)
    with switched(connection, "RemovalScanner", 10**6), pytest.raises(TransferError, match="could not remove"):
        filesystem.remove(connection.sftp, there / "long.txt")

    assert ["long.txt"] == filesystem.names(connection.sftp, there)


def test_a_scanner_that_shares_nothing_is_waited_for_where_we_look_again(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was just sent is read back; a file that is there is never opened to be written, so nobody is in the way."""
    (tmp_path / "new.txt").write_text("new")
    file.write(connection.sftp, there / "old.txt", b"old")

    with switched(connection, "OpeningScanner", 700):
        file.upload(connection.sftp, tmp_path / "new.txt", there / "new.txt", verify=True)
    with switched(connection, "OpeningScanner", 10**6):
        with pytest.raises(TransferError, match="could not read"):
            file.read(connection.sftp, there / "old.txt")
        file.write(connection.sftp, there / "old.txt", b"replaced")
        monkeypatch.setattr(renaming, "SCANNED_SECONDS", 0.5)
        with pytest.raises(TransferError, match="could not read"):
            file.upload(connection.sftp, tmp_path / "new.txt", there / "never.txt", verify=True)

    assert ["new.txt", "old.txt"] == filesystem.names(connection.sftp, there)
    assert b"new" == file.read(connection.sftp, there / "new.txt")
    assert b"replaced" == file.read(connection.sftp, there / "old.txt")


@pytest.mark.usefixtures("old")
def test_a_server_that_removes_before_it_renames_loses_nothing(
    connection: Ssh, there: PureWindowsPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write(connection.sftp, there / "kept.txt", b"before")
    monkeypatch.setattr(renaming, "SCANNED_SECONDS", 0.5)

    with switched(connection, "RenameUnlinks"), switched(connection, "Scanner", 10**6):
        with pytest.raises(TransferError, match="could not write"):
            file.write(connection.sftp, there / "kept.txt", b"after")

    assert b"before" == file.read(connection.sftp, there / "kept.txt")
    assert ["kept.txt"] == filesystem.names(connection.sftp, there)


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("failure", [TransferError("refused"), GuestUnreachable("broke")])
def test_a_replacement_that_fails_between_its_two_steps_is_undone(
    connection: Ssh, there: PureWindowsPath, monkeypatch: pytest.MonkeyPatch, failure: SmolVMError
) -> None:
    """By us where the connection is still there, else over the next one."""
    file.write(connection.sftp, there / "kept.txt", b"before")
    moved: list[str] = []

    def failing(sftp: Sftp, source: str, target: str) -> None:
        moved.append(target)
        if len(moved) == 2:
            raise failure
        move(sftp, source, target)

    move = renaming.move
    monkeypatch.setattr(renaming, "move", failing)
    with pytest.raises(type(failure)) as caught:
        file.write(connection.sftp, there / "kept.txt", b"after")
    if isinstance(caught.value, TransferInterrupted):
        assert ["kept.txt"] != filesystem.names(connection.sftp, there)
        removal.sweep(connection, caught.value)

    assert b"before" == file.read(connection.sftp, there / "kept.txt")
    assert ["kept.txt"] == filesystem.names(connection.sftp, there)


@pytest.mark.usefixtures("old")
def test_what_such_a_server_has_replaced_may_stay_in_use(
    connection: Ssh, there: PureWindowsPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program that runs: it can be renamed, not removed."""
    file.write(connection.sftp, there / "used.exe", b"before")
    monkeypatch.setattr(filesystem, "HELD_SECONDS", 0.5)

    with switched(connection, "RenameUnlinks"), switched(connection, "RemovalScanner", 10**6):
        left = file.write(connection.sftp, there / "used.exe", b"after")

    assert b"after" == file.read(connection.sftp, there / "used.exe")
    assert b"before" == file.read(connection.sftp, *left)
    assert [] == removal.still_there(connection, left)
    assert ["used.exe"] == filesystem.names(connection.sftp, there)


@pytest.mark.usefixtures("old")
def test_such_a_server_replaces_files_too(connection: Ssh, there: PureWindowsPath) -> None:
    file.write(connection.sftp, there / "fixed.txt", b"before")
    connection.sftp.chmod("/C:/harsh/fixed.txt", 0o444)

    with switched(connection, "RenameUnlinks"):
        file.write(connection.sftp, there / "fixed.txt", b"after")
        file.write(connection.sftp, there / "fixed.txt", b"at last")

    assert b"at last" == file.read(connection.sftp, there / "fixed.txt")
    assert ["fixed.txt"] == filesystem.names(connection.sftp, there)


@pytest.mark.usefixtures("old")
def test_an_old_server_that_cannot_be_restarted_is_no_reason_to_say_that_commands_see_a_variable(
    connection: Ssh,
) -> None:
    """wine has no service of that name."""
    assert sshd.keeps(connection, {"A": "b"})
    with pytest.raises(
        ServiceError, match=r"OpenSSH_for_Windows_8.1 gives commands .* as they were when it was started"
    ):
        sshd.restart(connection)


@pytest.mark.usefixtures("old")
def test_a_command_that_a_server_does_not_end_is_told_of(connection: Ssh) -> None:
    with switched(connection, "NoSignal"), pytest.raises(TimedOut) as caught:
        connection.execute("ping -n 20 127.0.0.1", on_stdout=nothing, on_stderr=nothing, timeout=1)

    assert [
        "It may still run: SSH-2.0-OpenSSH_for_Windows_8.1 did not end it when it was asked to."
    ] == caught.value.__notes__
    run(connection, "taskkill /f /im ping.exe", shell="cmd").check()


def test_a_program_that_is_there_before_its_job_holds_no_call_up(connection: Ssh) -> None:
    """sshd assigns the job once the shell runs: what that starts at once is not in it, and a time-out does not end it."""
    began = time.monotonic()
    with switched(connection, "LateJob", 1500):
        with pytest.raises(CommandTimedOut):
            run(connection, "start /b ping -n 1000 127.0.0.1 >nul & ping -n 1000 127.0.0.1", shell="cmd", timeout=4)

    assert time.monotonic() - began < SECONDS / 2
    assert run(connection, "taskkill /f /im ping.exe", shell="cmd").exit_code == 0
    assert run(connection, "echo here", shell="cmd").stdout.strip() == "here"


@pytest.mark.parametrize(("way", "told"), [(1, ("new", "kept")), (2, ("none", "kept")), (0, ("new", "none"))])
def test_a_server_hands_down_what_it_was_started_with(connection: Ssh, way: int, told: tuple[str, str]) -> None:
    """sshd since 8.9, before, and this guest's own, which looks anew: a variable that was added, and one that is gone."""
    was_there = "DOTNET_JITMinOpts"
    (before,) = run(connection, f'reg query "{MACHINE}" /v {was_there}', shell="cmd").check().stdout.split()[-1:]
    with switched(connection, "ServiceEnvironment", way), value(connection, MACHINE, "ADDED", "new"):
        run(connection, f'reg delete "{MACHINE}" /v {was_there} /f', shell="cmd").check()
        try:
            with another(connection) as ssh:
                line = f"(if defined ADDED (echo new) else (echo none)) & (if defined {was_there} (echo kept) else (echo none))"
                said = run(ssh, line, shell="cmd").check().stdout.split()
            scripts = run(connection, "0", timeout=SECONDS)
        finally:
            run(connection, f'reg add "{MACHINE}" /v {was_there} /d {before} /f', shell="cmd").check()

    assert (list(told), 0) == (said, scripts.exit_code)


@pytest.mark.usefixtures("old")
def test_what_the_resident_sees_that_commands_do_not(connection: Ssh) -> None:
    """It reads the registry itself, so that it is right with every server."""
    with switched(connection, "ServiceEnvironment", 2), value(connection, MACHINE, "ADDED", "new"):
        assert sshd.keeps(connection, {"ADDED": "new"})
        with another(connection) as ssh, joined(ssh, resident.start(ssh, processes=1)) as guest:
            said = [guest.run("$env:ADDED").stdout, run(ssh, "echo %ADDED%", shell="cmd").stdout]

    assert ["new", "%ADDED%"] == [text.strip() for text in said]


def test_a_server_that_takes_no_long_paths_is_named_as_what_refuses_them(
    connection: Ssh, there: PureWindowsPath, grove: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection._transport, "remote_version", "SSH-2.0-OpenSSH_for_Windows_7.7")
    deep = there.joinpath(*[letter * 56 for letter in "abcd"])
    assert 259 - len("\\" + ".0123456789ab.smolvm") - 4 < len(str(deep)) <= 259 - len("\\" + ".0123456789ab.smolvm")

    with switched(connection, "PathMax260"):
        file.write(connection.sftp, deep / "short-enough.txt", b"x")
        for name in ("long-enough-to-be-refused.txt", r"next\x.txt"):
            with pytest.raises(TransferError, match=r"Windows_7\.7 takes no path of more than 259 characters"):
                file.write(connection.sftp, deep / name, b"x")
        with pytest.raises(TransferError, match=r"Windows_7\.7 takes no path of more than 259 characters"):
            tree.upload(connection, grove, deep / "next" / "tree")

        assert ["short-enough.txt"] == filesystem.names(connection.sftp, deep)


# --- sshd's ways with clients ---------------------------------------------------------------------------------------


@contextmanager
def serving(place: Path, *lines: str) -> Iterator[Account]:
    """An SSH server of its own with these settings, and an account there."""
    with practice_userland(place, "\n".join([*lines, ""])) as ssh:
        yield Account(ssh._transport.getpeername()[1], "smolvm", "smolvm", nothing)


@pytest.mark.slow  # half a minute of being shut out
def test_a_server_that_turns_clients_away_lets_one_in_all_the_same(tmp_path: Path) -> None:
    """Windows' own MaxStartups: of those that come while 10 have not logged in yet, some are turned away.

    And penalties, from 9.8 on: each that leaves without a login costs a second, and nobody comes in who owes 15.
    """
    with serving(tmp_path, "MaxStartups 10:30:100", "PerSourcePenalties yes") as account:
        with ExitStack() as crowd:
            for _ in range(32):
                crowd.enter_context(socket.create_connection(("127.0.0.1", account.port)))
            with closing(wait_for_login(account, timeout=SECONDS)) as ssh:
                assert ssh.alive

        until("being shut out", lambda: first_words(account.port) == b"Not allowed at this time", timeout=SECONDS)
        with closing(wait_for_login(account, timeout=SECONDS)) as ssh:
            assert ssh.alive


def first_words(port: int) -> bytes:
    """What a server says first."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        return connection.recv(100).strip()


# --- links ----------------------------------------------------------------------------------------------------------


def link(ssh: Ssh, directory: PureWindowsPath, target: PureWindowsPath) -> PureWindowsPath:
    """A junction `link` in a directory, to one beside it, as SFTP shows them: as a directory."""
    run(ssh, f"Set-Location '{directory}'" + linux(r"usr\bin\ln", f"-s ../../harsh/{target.name} link")).check()
    path = directory / "link"
    while not filesystem.is_there(ssh.sftp, path):
        time.sleep(0.05)  # the program is wine's, and nobody's child here
    return path


@pytest.mark.parametrize("name", ["100%", "plain"])
def test_removing_does_not_leave_the_tree(connection: Ssh, there: PureWindowsPath, name: str) -> None:
    file.write(connection.sftp, there / "elsewhere" / "kept.txt", b"kept")
    file.write(connection.sftp, there / name / "a" / "b.txt", b"x")
    linked = link(connection, there / name, there / "elsewhere")
    if name == "plain":  # what is in it is cmd.exe's matter, and wine's follows links
        removal.remove(connection, str(linked))

    removal.remove(connection, str(there / name))

    assert ["elsewhere"] == filesystem.names(connection.sftp, there)
    assert ["kept.txt"] == filesystem.names(connection.sftp, there / "elsewhere")


def test_a_junction_is_told_from_a_directory(connection: Ssh, there: PureWindowsPath) -> None:
    file.write(connection.sftp, there / "elsewhere" / "kept.txt", b"kept")
    file.write(connection.sftp, there / "other" / "kept.txt", b"kept")
    linked = link(connection, there / "elsewhere", there / "other")

    assert {str(linked)} == removal.junctions(connection, [str(linked), str(there), str(there / "none")])
    removal.remove(connection, str(linked))


# --- tar.exe --------------------------------------------------------------------------------------------------------


def test_a_log_that_a_program_writes_to_is_fetched_though_tar_refuses_it(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path
) -> None:
    file.write(connection.sftp, there / "logs" / "other.txt", b"other")
    begun = threading.Event()
    writer = (
        rf"$f = [IO.File]::Open('{there}\logs\app.log', 'Create', 'Write', 'ReadWrite'); $f.WriteByte(65); $f.Flush();"
        " [Console]::Out.Write('x'); $null = [Console]::In.ReadToEnd()"
    )
    end = threading.Event()

    def stdin() -> Iterator[bytes]:
        yield head
        end.wait(SECONDS)

    line, head = powershell.command(writer)
    with ThreadPoolExecutor(1) as beside, switched(connection, "TarSharesReading"):
        running = beside.submit(
            connection.execute, line, stdin=stdin(), on_stdout=lambda _: begun.set(), on_stderr=nothing, timeout=SECONDS
        )
        try:
            assert begun.wait(SECONDS)
            tree.download(connection, there / "logs", tmp_path / "logs", verify=True)
        finally:
            end.set()
        running.result()

    assert {"app.log": b"A", "other.txt": b"other"} == {p.name: p.read_bytes() for p in (tmp_path / "logs").iterdir()}


def test_trees_go_both_ways_where_there_is_no_tar(
    connection: Ssh, there: PureWindowsPath, grove: Path, tmp_path: Path
) -> None:
    sent: list[tuple[int, int]] = []
    run(connection, r"ren c:\windows\system32\tar.exe tar.away", shell="cmd").check()
    try:
        tree.upload(
            connection, grove, there / "tree", verify=True, progress=lambda done, total: sent.append((done, total))
        )
        tree.download(connection, there / "tree", tmp_path / "back", verify=True)
    finally:
        run(connection, r"ren c:\windows\system32\tar.away tar.exe", shell="cmd").check()

    assert seen(grove) == seen(tmp_path / "back")
    assert (13, 13) == sent[-1]
    assert ["tree"] == filesystem.names(connection.sftp, there)


# --- policies and how the resident starts ---------------------------------------------------------------------------


def test_no_execution_policy_keeps_the_resident_from_starting(connection: Ssh) -> None:
    policy = r"HKLM\SOFTWARE\Policies\Microsoft\PowerShellCore"
    with (
        value(connection, policy, "EnableScripts", "1", "REG_DWORD"),
        value(connection, policy, "ExecutionPolicy", "AllSigned"),
    ):
        endpoint = resident.start(connection, processes=1, timeout=SECONDS)
        with closing(Resident(connection.tunnel, endpoint)) as started:
            started.warm_up()


def test_scripts_that_no_policy_lets_run_are_not_taken_for_scripts_that_fail(connection: Ssh) -> None:
    """Constrained Language Mode; what cmd.exe does is not PowerShell's matter."""
    with switched(connection, "ConstrainedLanguage"):
        result = run(connection, "'hello'", timeout=SECONDS)
        with pytest.raises(ResidentLost, match=r"(?s)in ConstrainedLanguage mode only.*shell='cmd' can"):
            resident.start(connection, timeout=SECONDS)
        line = run(connection, "echo hello", shell="cmd")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "in ConstrainedLanguage mode only, as App Control or AppLocker have it" in " ".join(result.stderr.split())
    assert "hello" == line.stdout.strip()


def test_a_resident_that_ends_as_it_starts_says_why_at_once(connection: Ssh) -> None:
    """It is compiled in the guest, as nobody has it yet."""
    fine = "string[] seat = Program.TakeSeat();"
    assert fine in powershell.library()
    bad = powershell.library().replace(fine, fine + ' if (seat.Length == 3) throw new Exception("no way");')

    began = time.monotonic()
    resident.start(connection, processes=1, timeout=SECONDS, source=powershell.library() + "// not compiled yet")
    usual = time.monotonic() - began

    with pytest.raises(ResidentLost, match=r"(?s)its process has ended with exit code 1: .*no way"):
        resident.start(connection, timeout=SECONDS, source=bad)

    # At once: within 15 s of when one that starts well would have been there, which is a matter of this host.
    assert time.monotonic() - began < 2 * usual + 15


def test_who_connects_and_says_nothing_does_not_hold_up_a_start(connection: Ssh) -> None:
    """Any program of the guest may; here it is the starting one itself, so that it comes before all residents."""
    listening, patience = "Windows.Hide(listener.Server);", "ReportSeconds = 30;"
    library = powershell.library()
    assert listening in library
    assert patience in library
    library = library.replace(patience, "ReportSeconds = 1;")
    port = "((IPEndPoint)listener.LocalEndpoint).Port"
    silent = f'{listening} var silent = new TcpClient("127.0.0.1", {port});'
    leaving = f'new TcpClient("127.0.0.1", {port}).Close();'

    found = resident.start(
        connection, processes=1, timeout=SECONDS, source=library.replace(listening, f"{silent} {leaving}")
    )

    assert len(found.ports) == 1


def test_a_library_that_cannot_be_compiled_says_why(connection: Ssh) -> None:
    with pytest.raises(ResidentLost, match=r"(?s)did not start \(exit code 1\): .*error CS"):
        resident.start(connection, timeout=SECONDS, source="class {")


# --- what images differ in ------------------------------------------------------------------------------------------


def test_output_is_read_in_the_guest_s_own_code_page(connection: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    with value(connection, r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage", "OEMCP", "850"):
        pages = [look_around(connection), resident.start(connection, processes=1, timeout=SECONDS).code_page]
    monkeypatch.setattr(connection, "code_page", pages[0])
    script = "$o = [Console]::OpenStandardOutput(); $o.Write([byte[]] (0xc6, 32, 0x9d, 10), 0, 4)"

    assert ["cp850"] * 2 == pages
    assert "ã Ø\n" == run(connection, script, timeout=SECONDS).stdout


def test_another_shell_than_cmd_is_named_as_what_is_wrong(connection: Ssh) -> None:
    shell = r"c:\windows\system32\WindowsPowerShell\v1.0\powershell.exe"
    key = r"HKLM\SOFTWARE\OpenSSH"
    run(connection, f'reg add {key} /v DefaultShell /d "{shell}" /f', shell="cmd").check()
    try:
        with pytest.raises(ImageError, match=r"another shell than cmd\.exe: remove the value DefaultShell"):
            look_around(connection)
    finally:
        connection.execute(f"reg.exe delete {key} /v DefaultShell /f", on_stdout=nothing, on_stderr=nothing)

    assert "cp437" == look_around(connection)


def test_a_fresh_powershell_leaves_the_console_s_code_page_as_it_was(connection: Ssh) -> None:
    line, stdin = powershell.command("'grün'")
    said = bytearray()

    connection.execute(f"{line} & chcp", stdin=stdin, on_stdout=said.extend, on_stderr=nothing, timeout=SECONDS)

    assert ["grün", "437"] == [said.decode().split()[0], said.decode().split()[-1].strip(".")]


def test_one_console_for_all_commands_of_a_connection(connection: Ssh) -> None:
    """What a command does to it stays for the next one, and what our own do is put back."""
    with switched(connection, "SharedConsole"):
        with another(connection) as ssh:
            assert "437" in run(ssh, "chcp", shell="cmd").stdout
            assert "grün" == run(ssh, "'grün'", timeout=SECONDS).stdout.strip()
            assert "437" in run(ssh, "chcp", shell="cmd").stdout
            run(ssh, "chcp 850", shell="cmd").check()
            assert "850" in run(ssh, "chcp", shell="cmd").stdout
        with another(connection) as ssh:
            assert "437" in run(ssh, "chcp", shell="cmd").stdout


def test_a_json_script_without_arguments_is_given_none(connection: Ssh) -> None:
    def quietly(script: str, args: Sequence[powershell.Argument]) -> RunResult:
        return run(connection, script, args=args, timeout=SECONDS)

    assert [0, 5, None] == [
        run_json(quietly, script) for script in ("$args.Count", "param($x = 5) $x", "param([int[]] $all) $all")
    ]


def test_a_user_whose_name_has_other_letters(connection: Ssh, grove: Path, tmp_path: Path) -> None:
    """And a blank: home directory, temporary files, scripts and transfers are below it."""
    home = PureWindowsPath(r"C:\Users\Jürgen Müller")
    filesystem.make_directories(connection.sftp, home / "Temp")
    names = ["USERNAME", "USERPROFILE", "HOMEPATH", "TEMP"]
    with (
        value(connection, SWITCHES, "UserName", home.name),
        value(connection, r"HKCU\Environment", "TEMP", str(home / "Temp")),
    ):
        with another(connection) as ssh, joined(ssh, resident.start(ssh, processes=1)) as guest:
            tree.upload(ssh, grove, home / "tree")
            tree.download(ssh, home / "tree", tmp_path / "back")
            script = "(Get-Location).Path; $args | ForEach-Object { [Environment]::GetEnvironmentVariable($_) }"
            said = [guest.run(script, args=names), run(ssh, script, args=names, timeout=SECONDS)]
            line = run(ssh, r"cd & type tree\fixed.txt & echo %USERNAME%", shell="cmd")
            program = spawned.spawn(guest.resident_only, ["cmd.exe", "/c", "cd"])
            program.wait(SECONDS)
            beside = program.stdout.strip()
            for process in guest.processes():  # which are at home there
                run(connection, f"taskkill /f /pid {process}", shell="cmd").check()
    removal.remove(connection, str(home))

    told = [str(home), home.name, str(home), r"\Users\Jürgen Müller", str(home / "Temp")]
    assert [told, told] == [result.stdout.splitlines() for result in said]
    assert [str(home), f"read-only{home.name}"] == line.stdout.split("\r\n")[:2]
    assert str(home) == beside
    assert seen(grove) == seen(tmp_path / "back")
