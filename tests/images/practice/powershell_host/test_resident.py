"""The resident PowerShell and what goes over it, with the practice guest's programs running on this host."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from pytest_smolvm.errors import (
    CommandFailed,
    CommandTimedOut,
    GuestUnreachable,
    ResidentLost,
    ResidentLostWarning,
    TimedOut,
)
from pytest_smolvm.guest.commands import powershell, resident, spawned
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.fallback import PowerShells
from pytest_smolvm.guest.commands.output import OnLine, RunResult
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.commands.shells import Script, Sinks
from pytest_smolvm.guest.commands.values import run_json
from pytest_smolvm.guest.link.login import Account, wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import nothing
from tests.frozen import frozen

SECONDS = 60.0


class Guest:
    """A connection and its PowerShells, as a `SmolVM` has them."""

    def __init__(self, ssh: Ssh, endpoint: Endpoint | None) -> None:
        self.ssh = ssh
        self.resident = None if endpoint is None else Resident(ssh.tunnel, endpoint)
        self.shells = PowerShells(self._using, self.resident)

    @contextmanager
    def _using(self) -> Iterator[Ssh]:
        yield self.ssh

    def run(
        self,
        script: str,
        timeout: float | None = SECONDS,
        args: Sequence[powershell.Argument] = (),
        stdin: bytes = b"",
        on_output: OnLine | None = None,
    ) -> RunResult:
        """A script, in the resident if there is one."""
        shell = commands.chosen(self.ssh, "powershell", self.shells.via(self.ssh))
        return commands.carried_out(shell, Script(script, args, stdin, timeout), on_output)

    def resident_only(self, script: str, args: Sequence[powershell.Argument] = ()) -> RunResult:
        """A script, in the resident, which is started for it."""
        return commands.run(self.ssh, script, args=args, resident=self.shells.resident_only(self.ssh), timeout=SECONDS)

    def json(self, script: str) -> Any:
        """What a script puts out."""
        return run_json(lambda wrapped, values: self.run(wrapped, args=values), script)

    def processes(self) -> set[str]:
        """The process ids of the resident."""
        return {self.run("$PID").stdout.strip() for _ in range(4)}

    def pings(self) -> int:
        """How many of them run."""
        return commands.run(self.ssh, "tasklist", shell="cmd").stdout.lower().count("ping.exe")


@contextmanager
def joined(ssh: Ssh, endpoint: Endpoint | None) -> Iterator[Guest]:
    """A connection and its PowerShells, for the length of the block."""
    guest = Guest(ssh, endpoint)
    try:
        yield guest
    finally:
        # Here and not when they are collected: see test_engines.py.
        for one in (guest.resident, guest.shells._resident):
            if one is not None:
                one.close()


@pytest.fixture(scope="module")
def endpoint(connection: Ssh) -> Endpoint:
    """Where a resident listens that no test ends."""
    return resident.start(connection)


@pytest.fixture
def guest(connection: Ssh, endpoint: Endpoint) -> Iterator[Guest]:
    """A connection with that resident, both processes of which live on."""
    with joined(connection, endpoint) as guest:
        yield guest
        assert guest.resident is not None
        assert 2 == guest.resident.processes


@pytest.fixture
def mortal(connection: Ssh) -> Iterator[Guest]:
    """A connection with a resident that may be ended."""
    with joined(connection, resident.start(connection)) as guest:
        yield guest


@contextmanager
def another(connection: Ssh) -> Iterator[Ssh]:
    """A second connection to the same server."""
    account = Account(connection._transport.getpeername()[1], "smolvm", "smolvm", nothing)
    with closing(wait_for_login(account, timeout=SECONDS)) as ssh:
        yield ssh


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("", None),
        ("$null", None),
        ("$null, 1", [None, 1]),
        ("1", 1),
        ("1, 2", [1, 2]),
        (", @(1)", [1]),
        (", @()", []),
        ("@{ a = , 1 }", {"a": [1]}),
        ("@{ a = , @{ b = , $null } }", {"a": [{"b": [None]}]}),
        ("[datetime]::new(2024, 2, 29, 23, 59, 58, 987)", datetime(2024, 2, 29, 23, 59, 58, 987000)),
        ("[datetime]::SpecifyKind('2024-02-29', 'Utc')", datetime(2024, 2, 29, tzinfo=UTC)),
        (
            "[datetimeoffset]::new(2024, 1, 2, 3, 4, 5, [timespan]::FromHours(-3.5))",
            datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3.5))),
        ),
        ("[datetime]::MinValue", datetime.min),
        ("[timespan]::FromMilliseconds(-1500)", timedelta(seconds=-1.5)),
        ("[timespan]::FromTicks(12345670)", timedelta(seconds=1.234567)),
        (", [byte[]] (0, 127, 255)", b"\x00\x7f\xff"),
        ("@{ b = [byte[]]::new(0) }", {"b": b""}),
        ("'ü \U0001f600 \"q\" \\ \t' + [char] 0 + [char] 0x1e", 'ü \U0001f600 "q" \\ \t\0\x1e'),
        ("[double]::PositiveInfinity", float("inf")),
        ("0.1", 0.1),
        ("2.0", 2.0),
        ("[decimal] 1.50", 1.5),
        ("[long]::MaxValue", 2**63 - 1),
        ("[bigint]::Pow(2, 100)", 2**100),
        ("[DayOfWeek]::Friday", "Friday"),
        ("[version] '1.2.3'", "1.2.3"),
        ("[ordered]@{ z = 1; a = [pscustomobject]@{ n = $true } }", {"z": 1, "a": {"n": True}}),
    ],
)
def test_values_of_every_kind_reach_python(guest: Guest, script: str, value: object) -> None:
    seen = guest.json(script)

    assert (type(value), value) == (type(seen), seen)


def test_values_may_be_nested_deeply_but_not_for_ever(guest: Guest) -> None:
    deep = guest.json("$x = 'bottom'; 1..90 | ForEach-Object { $x = @{ x = $x } }; $x")
    for _ in range(90):
        deep = deep["x"]

    assert "bottom" == deep
    with pytest.raises(CommandFailed, match="nested more than 100 deep"):
        guest.json("$x = @{}; $x.x = $x; $x")


@pytest.mark.parametrize(
    ("script", "code", "complaint"),
    [
        ("if (", 1, "Missing"),
        ("throw 'bad'", 1, "bad"),
        ("[int]::Parse('x')", 1, "format"),
        ("1; Get-NoSuchThing", 1, "Get-NoSuchThing"),
        ("Write-Error 'only'", 1, "only"),
        ("'x'; cmd /c exit 3", 3, ""),
        ("exit 4", 4, ""),
    ],
)
def test_a_script_that_fails_has_no_value(guest: Guest, script: str, code: int, complaint: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        guest.json(script)

    assert code == caught.value.exit_code
    assert complaint in caught.value.stderr
    assert "SetData" not in caught.value.stderr


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("Get-NoSuchThing; 1", 1),
        ("return 2; Get-NoSuchThing", 2),
        ("begin { 3 } end { 4 }", [3, 4]),
        ("param($a) $a", None),
    ],
)
def test_a_script_that_does_not_end_with_a_failure_has_one(guest: Guest, script: str, value: object) -> None:
    assert value == guest.json(script)


# --- streams --------------------------------------------------------------------------------------------------------


def test_every_call_writes_to_its_own_streams(guest: Guest) -> None:
    """Windows' console host keeps the first writer that it has used."""
    script = "$args[0]; Write-Host $args[0]; Write-Warning $args[0]; [Console]::Out.WriteLine($args[0]); cmd /c echo $args[0]"

    seen = [guest.run(script, args=[f"call{i}"]).stdout.split() for i in range(6)]

    assert [[f"call{i}", f"call{i}", "WARNING:", f"call{i}", f"call{i}", f"call{i}"] for i in range(6)] == seen


def test_binary_input_arrives_as_it_is(guest: Guest) -> None:
    data = bytes(range(256)) * 1000
    script = (
        "$m = [IO.MemoryStream]::new(); [Console]::OpenStandardInput().CopyTo($m); $m.Length;"
        " [BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($m.ToArray())) -replace '-'"
    )
    seen = [guest.run(script, stdin=data).stdout for _ in range(2)]
    seen.append(commands.run(guest.ssh, script, stdin=data, timeout=SECONDS).stdout)

    assert [f"{len(data)}\r\n{hashlib.sha256(data).hexdigest().upper()}\r\n"] * 3 == seen


def test_output_that_is_no_utf_8_is_read_as_the_consoles(guest: Guest) -> None:
    script = "$o = [Console]::OpenStandardOutput(); $o.Write([byte[]] (0x81, 0x84, 10), 0, 3)"

    assert "üä\n" == guest.run(script).stdout


def test_a_watcher_sees_what_a_powershell_of_the_scripts_says(guest: Guest) -> None:
    told: list[str] = []
    encoded = base64.b64encode("Write-Error grün; Write-Progress x; 'out'".encode("utf-16-le")).decode()

    result = guest.run(f"powershell.exe -EncodedCommand {encoded}", on_output=told.append)

    assert "Write-Error grün; Write-Progress x; 'out' : grün" in result.stderr
    assert sorted(result.stdout.splitlines() + result.stderr.splitlines()) == sorted(told)


def test_utf_16_between_other_output_is_read(guest: Guest) -> None:
    result = commands.run(guest.ssh, 'cmd /u /c "echo grün& echo 以上"& echo drei', shell="cmd", timeout=SECONDS)

    assert "grün\r\n以上\r\ndrei\r\n" == result.stdout


@pytest.mark.parametrize("script", ["Write-Output $args[0].Length", "param($given) $given.Length"])
def test_a_script_from_a_file_with_a_byte_order_mark_runs(guest: Guest, script: str, tmp_path: Path) -> None:
    (tmp_path / "script.ps1").write_text(script, encoding="utf-8-sig")
    marked = (tmp_path / "script.ps1").read_text(encoding="utf-8")

    seen = [guest.run(marked, args=["\ufeffü"]), commands.run(guest.ssh, marked, args=["\ufeffü"], timeout=SECONDS)]

    assert [("2\r\n", "", 0)] * 2 == [(result.stdout, result.stderr, result.exit_code) for result in seen]
    assert 2 == run_json(lambda wrapped, values: guest.run(wrapped, args=values), marked, ["\ufeffü"])


@pytest.mark.parametrize(("pieces", "limit", "passed_on"), [(4, 100, 4), (1000, 5, 5)])
def test_last_output_goes_to_a_slow_reader_and_ends_some_time(
    guest: Guest, pieces: int, limit: int, passed_on: int
) -> None:
    script = f"""
        $carry = [SmolVM.Server].Assembly.GetType('SmolVM.Rest').GetMethod('Carry', [Reflection.BindingFlags] 'Static, NonPublic')
        $pieces = [Collections.Generic.List[Threading.Tasks.Task]]::new()
        foreach ($number in 1..{pieces}) {{ $pieces.Add([Threading.Tasks.Task]::FromResult($number)) }}
        $left = [Func[Threading.Tasks.Task[]]] {{ , $pieces.ToArray() }}
        $pass = [Action[int]] {{ param($number) [Threading.Thread]::Sleep(60); [Console]::Out.WriteLine('piece'); $pieces.RemoveAt($number) }}
        $null = $carry.Invoke($null, @($left, $pass, 100, {limit}))
    """

    assert ["piece"] * passed_on == guest.run(script).stdout.split()


def test_a_program_that_closes_its_streams_and_stays_is_waited_for(guest: Guest) -> None:
    script = powershell.text_of("native") + (
        "$n = New-Native 'CloseHandle', 'GetStdHandle'; [Console]::Out.Write('x'); foreach ($h in -11, -12) { $null = $n::CloseHandle($n::GetStdHandle($h)) };"
        " [Threading.Thread]::Sleep(1500); [Environment]::Exit(5)"
    )
    began = time.monotonic()

    result = commands.run(guest.ssh, script, timeout=SECONDS)

    assert ("x", 5) == (result.stdout, result.exit_code)
    assert time.monotonic() - began > 1.5


# --- state ----------------------------------------------------------------------------------------------------------


def test_the_environment_is_put_back_after_every_call(guest: Guest) -> None:
    look = '[Environment]::GetEnvironmentVariables().GetEnumerator() | ForEach-Object { "$($_.Key)=$($_.Value)" } | Sort-Object; cmd /c cd'
    before = {guest.run(look).stdout for _ in range(4)}
    for _ in range(2):
        guest.run(
            "$env:PATH = 'nowhere'; $env:SMOLVM_LEFT = 'x' * 30000; Remove-Item env:TEMP; cmd /c 'cd \\'; [Environment]::CurrentDirectory = 'C:\\'"
        )

    assert 1 == len(before)
    assert before == {guest.run(look).stdout for _ in range(4)}


def test_what_the_registry_has_and_no_variable_can_be_is_left_out(guest: Guest) -> None:
    names = "'', 'a=b', 'SMOLVM_HUGE', 'SMOLVM_GOOD', 'SMOLVM_MADE'"
    open_key = "$key = [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $true);"
    try:
        guest.run(
            f"{open_key} foreach ($name in {names}) {{ $key.SetValue($name, 'good') }}; $key.SetValue('SMOLVM_HUGE', 'x' * 70000);"
            " $key.SetValue('SMOLVM_MADE', 'very %SMOLVM_GOOD%', 'ExpandString')"
        ).check()

        seen = [guest.run('"$env:SMOLVM_GOOD, $env:SMOLVM_MADE"').stdout.strip() for _ in range(4)]
    finally:
        guest.run(f"{open_key} foreach ($name in {names}) {{ $key.DeleteValue($name, $false) }}").check()

    assert ["good, very good"] * 4 == seen
    assert ["False"] * 4 == [guest.run("Test-Path env:SMOLVM_GOOD").stdout.strip() for _ in range(4)]


def test_a_users_variable_wins_over_the_machines_and_only_what_is_to_be_expanded_is(guest: Guest) -> None:
    open_keys = (
        "$machine = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey("
        "'SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment', $true);"
        " $user = [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $true);"
    )
    names = "'SMOLVM_A', 'SMOLVM_B', 'SMOLVM_C', 'Path'"
    try:
        guest.run(
            f"{open_keys} $machine.SetValue('SMOLVM_A', '%SystemRoot%', 'ExpandString');"
            " $user.SetValue('SMOLVM_A', 'C:\\mine'); $machine.SetValue('SMOLVM_B', 'machine');"
            " $user.SetValue('SMOLVM_B', '%SMOLVM_A%\\x', 'ExpandString'); $user.SetValue('SMOLVM_C', '%H:%M %USERNAME%-x');"
            " $user.SetValue('Path', '%SMOLVM_A%\\bin')"
        ).check()

        look = "\"$env:SMOLVM_A, $env:SMOLVM_B, $env:SMOLVM_C, $(($env:Path -split ';')[-1])\""
        seen = [guest.run(look).stdout.strip() for _ in range(4)]
    finally:
        guest.run(
            f"{open_keys} foreach ($name in {names}) {{ $user.DeleteValue($name, $false) }};"
            " foreach ($name in 'SMOLVM_A', 'SMOLVM_B') { $machine.DeleteValue($name, $false) }"
        ).check()

    assert [r"C:\mine, C:\mine\x, %H:%M %USERNAME%-x, C:\mine\bin"] * 4 == seen


def test_module_folders_that_a_product_adds_are_those_that_a_new_logon_sees(connection: Ssh, guest: Guest) -> None:
    machine = (
        "$machine = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey("
        "'SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment', $true);"
    )

    def new() -> str:
        with another(connection) as ssh:
            asked = commands.run(ssh, 'powershell.exe -NoProfile -Command "$env:PSModulePath"', shell="cmd")
        return asked.check().stdout.strip()

    def resident() -> set[str]:
        return {guest.run("$env:PSModulePath").stdout.strip() for _ in range(4)}

    before = new()
    assert {before} == resident()
    try:
        value = r"%ProgramFiles%\WindowsPowerShell\Modules;C:\Produkt fürs Büro\Modules"
        guest.run(f"{machine} $machine.SetValue('PSModulePath', '{value}', 'ExpandString')").check()
        added = new()
        assert {added} == resident()
        assert r"C:\Program Files\WindowsPowerShell\Modules;C:\Produkt fürs Büro\Modules" in added
    finally:
        guest.run(f"{machine} $machine.DeleteValue('PSModulePath', $false)").check()

    assert {before} == resident()


@pytest.mark.parametrize(
    ("value", "code"), [("'text'", 1), ("@(1, 2)", 1), ("$null", 1), ("0", 1), ("7", 7), ("-1", 4294967295)]
)
def test_a_last_exit_code_of_any_kind(guest: Guest, value: str, code: int) -> None:
    script = f"$global:LASTEXITCODE = {value}; Get-NoSuchThing"

    assert code == guest.run(script).exit_code
    assert code == commands.run(guest.ssh, script, timeout=SECONDS).exit_code


# --- time-outs ------------------------------------------------------------------------------------------------------


def test_a_time_out_ends_the_scripts_programs_and_keeps_what_was_printed(guest: Guest) -> None:
    pings = guest.pings()

    with pytest.raises(CommandTimedOut) as caught:
        guest.run(
            "'before'; [Console]::Error.Write('oh'); cmd /c 'echo inside& ping -n 300 127.0.0.1'; 'after'", timeout=3
        )

    assert caught.value.stdout.startswith("before\r\ninside\r\n")
    assert "after" not in caught.value.stdout
    assert "oh" == caught.value.stderr
    assert pings == guest.pings()
    assert ["on"] * 2 == [guest.run("'on'").stdout.strip() for _ in range(2)]


def test_a_script_that_ignores_its_end_takes_its_process_with_it(guest: Guest) -> None:
    before = guest.processes()

    with pytest.raises(CommandTimedOut) as caught:
        guest.run("'before'; [Threading.Thread]::Sleep(300000)", timeout=1)

    after = guest.processes()
    assert "before" == caught.value.stdout.strip()
    assert 2 == len(after)
    assert 1 == len(after & before)


# --- at once --------------------------------------------------------------------------------------------------------


def test_a_hundred_threads_get_each_its_own_result(guest: Guest) -> None:
    def call(number: int) -> tuple[str, str, int]:
        script = "$args[0]; [Console]::Error.Write($args[0]); [Console]::In.ReadToEnd(); exit $args[0]"
        result = guest.run(script, args=[number], stdin=f"in{number}".encode())
        return result.stdout, result.stderr, result.exit_code

    with ThreadPoolExecutor(100) as threads:
        results = list(threads.map(call, range(100)))

    assert [(f"{number}\r\nin{number}\r\n", str(number), number) for number in range(100)] == results


# --- who may and who is there ---------------------------------------------------------------------------------------


def test_a_wrong_secret_is_refused(guest: Guest, endpoint: Endpoint) -> None:
    wrong = Endpoint(endpoint.ports, "0" * len(endpoint.secret))

    with pytest.raises(ResidentLost) as caught:
        Resident(guest.ssh.tunnel, wrong).run(Script("'in'", timeout=SECONDS), Sinks(nothing, nothing))

    assert not caught.value.begun
    assert "in" == guest.run("'in'").stdout.strip()


def test_it_listens_on_the_loopback_only(endpoint: Endpoint) -> None:
    """The practice guest's programs run in this host's network."""
    listening = [
        line.split()[1]
        for file in ("tcp", "tcp6")
        for line in Path("/proc/net", file).read_text().splitlines()
        if line.split()[3] == "0A"
    ]
    places = [place.split(":")[0] for place in listening if int(place.split(":")[1], 16) in endpoint.ports]

    assert [socket.inet_pton(socket.AF_INET, "127.0.0.1")[::-1].hex()] * 2 == [place.lower() for place in places]


def test_a_process_killed_between_two_calls_is_not_missed(mortal: Guest) -> None:
    for process in sorted(mortal.processes())[:1]:
        commands.run(mortal.ssh, f"taskkill /f /pid {process}", shell="cmd").check()

    assert ["on"] * 3 == [mortal.run("'on'").stdout.strip() for _ in range(3)]


def test_a_script_that_kills_its_process_or_its_parent_is_told_and_the_loss_is_told_once(mortal: Guest) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for kill in ("[Diagnostics.Process]::GetCurrentProcess().Kill()", "cmd /c taskkill /f /pid $PID"):
            with pytest.raises(ResidentLost) as caught:
                mortal.run(f"'last words'; {kill}; [Threading.Thread]::Sleep(60000)")
            assert caught.value.begun
        fallen_back = [mortal.run("'still here'").stdout.strip() for _ in range(2)]
        restart = mortal.shells._restart
        if restart is not None:
            restart.join(SECONDS)
        back = mortal.processes()

    assert ["still here"] * 2 == fallen_back
    assert [ResidentLostWarning] == [warning.category for warning in told]
    assert 2 == len(back)


@pytest.mark.parametrize(
    "script",
    [
        "[Console]::In.ReadToEnd(); ping -n 300 127.0.0.1",
        pytest.param("[Threading.Thread]::Sleep(300000)", id="that does not listen"),
    ],
)
def test_a_cut_connection_is_no_dead_powershell(connection: Ssh, script: str) -> None:
    with another(connection) as ssh, joined(ssh, resident.start(ssh)) as guest:
        begun = threading.Event()

        def cut() -> None:
            begun.wait(SECONDS)
            ssh._transport.sock.shutdown(socket.SHUT_RDWR)

        cutter = threading.Thread(target=cut)
        cutter.start()
        with warnings.catch_warnings(), pytest.raises(GuestUnreachable):
            warnings.simplefilter("error")
            guest.run(f"'begun'; {script}", on_output=lambda _: begun.set())
        cutter.join()
        with pytest.raises(GuestUnreachable):
            guest.run("'not begun'")
        guest.ssh = connection

        # The one that was cut restarts itself if its script takes too long to stop.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert 2 == len(guest.processes())
        assert guest.resident is not None
        assert 2 == guest.resident.processes


# --- programs that stay ---------------------------------------------------------------------------------------------


def test_a_program_is_spawned_where_there_was_no_resident(connection: Ssh) -> None:
    with joined(connection, None) as guest:
        program = spawned.spawn(guest.resident_only, 'cmd /c "echo out& echo err 1>&2& exit 7"')

        assert 7 == program.wait(SECONDS)
        assert ("out", "err") == (program.stdout.strip(), program.stderr.strip())


def test_a_program_and_its_directory_are_named_by_pathlib(connection: Ssh) -> None:
    cmd = PureWindowsPath(r"C:\windows\system32\cmd.exe")
    with joined(connection, None) as guest:
        inside = spawned.spawn(guest.resident_only, [cmd, "/c", "cd"], directory=PureWindowsPath("C:/windows"))
        alone = spawned.spawn(guest.resident_only, cmd)

        assert 0 == inside.wait(SECONDS)
        assert r"c:\windows" == inside.stdout.strip().lower()
        alone.kill()


def test_a_program_and_its_children_are_killed_after_the_powershell_that_started_it(mortal: Guest) -> None:
    pings = mortal.pings()
    program = spawned.spawn(mortal.resident_only, ["cmd", "/c", "ping -n 1000 127.0.0.1 & echo on"])
    other = spawned.spawn(mortal.resident_only, ["ping", "-n", "1000", "127.0.0.1"])
    for process in mortal.processes():
        commands.run(mortal.ssh, f"taskkill /f /pid {process}", shell="cmd").check()
    with pytest.raises(TimedOut):
        program.wait(0.1)

    for spawn in (program, other):
        spawn.kill()

    assert (1, 1, False) == (program.wait(1), other.wait(1), program.running)
    assert pings == mortal.pings()
    program.kill()


def test_calls_go_on_and_end_in_time_while_a_test_has_stopped_the_clock(guest: Guest) -> None:
    guest.run("1")
    with frozen():
        assert ["2", "3"] == [guest.run(text).stdout.strip() for text in ("2", "3")]
        with pytest.raises(CommandTimedOut):
            guest.run("Start-Sleep 30", timeout=1.0)
        assert "4" == guest.run("4").stdout.strip()
