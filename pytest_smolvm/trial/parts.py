"""What a guest object is asked for on an image: one part for each thing that Windows is known to do in its own way."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_smolvm.errors import CommandTimedOut, NoDesktop, ResidentLost, SmolVMError, TransferError
from pytest_smolvm.host.clock import now
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.trial.outcome import Found, found
from pytest_smolvm.vm import SmolVM

Part = Callable[[SmolVM], Found]
"""Tries one thing on a guest."""

_PLACE = r"C:\Users\Public\pytest-smolvm-trial"
_ANSWER = stretched(120.0)
_NAMES = ("grüße.txt", "日本 語.txt", "a b & c.txt", "😀.txt")
_VARIABLE = "SMOLVM_TRIAL"
# One that has the file open as programs have that expect others to write to it, or to read it only.
_HOLDING = "$f = [IO.File]::Open('{path}', 'Open', 'Read', '{share}'); 'held'; Start-Sleep -Seconds 600; $f.Close()"


def _script(vm: SmolVM) -> Found:
    value = vm.run_json("@{ text = 'grüße'; list = 1, 2 }", timeout=_ANSWER)
    both = vm.run("$input; [Console]::Error.WriteLine('e')", input="in", timeout=_ANSWER)
    line = vm.run("echo %USERNAME%", shell="cmd", timeout=_ANSWER)
    return found(
        f"{both.duration:.2f} s in the resident, {line.duration:.2f} s of cmd.exe",
        {"a value comes back": value == {"text": "grüße", "list": [1, 2]}, "stderr is apart": "e" in both.stderr},
    )


def _time_out(vm: SmolVM) -> Found:
    began = now()
    ended = {}
    for shell, script in (("powershell", "Start-Sleep -Seconds 600"), ("cmd", "ping -n 600 127.0.0.1 >nul")):
        try:
            vm.run(script, shell=shell, timeout=3)
        except CommandTimedOut:
            vm.run("echo on", shell="cmd", timeout=_ANSWER, check=True)
            ended[shell] = True
    left = [process.name for process in vm.process_list() if process.name.lower() == "ping.exe"]
    took = now() - began
    checks = {f"{shell} is ended after its time": shell in ended for shell in ("powershell", "cmd")}
    return found(f"both in {took:.1f} s", {**checks, "its children are ended": not left}, left=left)


def _restart(vm: SmolVM) -> Found:
    try:
        said = vm.run("Stop-Process -Id $PID -Force", timeout=_ANSWER).exit_code
    except ResidentLost:
        said = -1
    began = now()
    again = vm.run("'there'", timeout=_ANSWER)
    took = now() - began
    return found(
        f"{took:.1f} s to the next answer (exit code {said})", {"the next script runs": again.stdout.strip() == "there"}
    )


def _spawn(vm: SmolVM) -> Found:
    program = vm.spawn(["cmd.exe", "/c", "echo started & ping -n 600 127.0.0.1"])
    seen = vm.wait_until(lambda: "started" in program.stdout, _ANSWER, "output of the program")
    ran = program.running
    program.kill()
    code = program.wait(_ANSWER)
    return found(f"exit code {code}", {"its output is read": bool(seen), "it ran": ran, "it ends": not program.running})


def _desktop(vm: SmolVM) -> Found:
    session = "[Diagnostics.Process]::GetCurrentProcess().SessionId"
    began = now()
    try:
        there = vm.run(session, desktop=True, timeout=_ANSWER)
        windows = [str(window) for window in vm.desktop.windows()]
    except NoDesktop as exc:
        return Found(skipped=str(exc))
    took = now() - began
    here = vm.run(session, timeout=_ANSWER).stdout.strip()
    return found(
        f"session {there.stdout.strip()} from session {here}, {len(windows)} windows, {took:.1f} s",
        {"its scripts end well": there.exit_code == 0},
        windows=windows,
    )


def _trees(vm: SmolVM) -> Found:
    with TemporaryDirectory(prefix="smolvm-trial-") as place:
        sent, back = Path(place, "sent"), Path(place, "back")
        for number, name in enumerate((*_NAMES, "deep/er/x.bin", "empty")):
            path = sent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(secrets.token_bytes(number * 20_000))
        began = now()
        vm.upload_dir(sent, rf"{_PLACE}\tree", verify=True)
        vm.download_dir(rf"{_PLACE}\tree", back, verify=True)
        took = now() - began
        return found(f"{took:.1f} s", {"all came back as it was sent": _contents(sent) == _contents(back)})


def _contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _over_read_only(vm: SmolVM) -> Found:
    path = rf"{_PLACE}\read-only.txt"
    vm.write_text(path, "old")
    vm.run(f'attrib +r "{path}"', shell="cmd", timeout=_ANSWER, check=True)
    vm.write_text(path, "new")
    return found("", {"the new content is there": vm.read_text(path) == "new"})


def _over_open(vm: SmolVM) -> Found:
    """A file that is held: either it is replaced, or it is refused and all is as it was."""
    told = []
    for share in ("ReadWrite, Delete", "Read"):
        path = rf"{_PLACE}\held-{share[-4:]}.txt"
        vm.write_text(path, "old")
        with _held(vm, path, share):
            try:
                vm.write_text(path, "new")
                told.append((share, "replaced", vm.read_text(path) == "new"))
            except TransferError as exc:
                told.append((share, f"refused ({exc})", vm.read_text(path) == "old"))
    said = "; ".join(f"shared for {share.lower()}: {what}" for share, what, _ in told)
    return found(said, {f"nothing is lost (held with {share})": whole for share, _, whole in told})


@contextmanager
def _held(vm: SmolVM, path: str, share: str) -> Iterator[None]:
    script = _HOLDING.format(path=path, share=share)
    holder = vm.spawn(["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script])
    try:
        vm.wait_until(lambda: "held" in holder.stdout, _ANSWER, "a program that holds the file")
        yield
    finally:
        holder.kill()
        holder.wait(_ANSWER)


def _junction(vm: SmolVM) -> Found:
    real, link = rf"{_PLACE}\real", rf"{_PLACE}\around\link"
    vm.mkdir(real)
    vm.mkdir(rf"{_PLACE}\around")
    vm.write_text(rf"{real}\precious.txt", "precious")
    made = vm.run(f'mklink /J "{link}" "{real}"', shell="cmd", timeout=_ANSWER)
    if made.exit_code != 0:
        return Found(skipped=f"none can be made: {(made.stderr or made.stdout).strip()}")
    vm.remove(rf"{_PLACE}\around", recursive=True)
    there = vm.exists(rf"{real}\precious.txt")
    return found("", {"what it leads to is left alone": there, "it is gone": not vm.exists(rf"{_PLACE}\around")})


def _environment(vm: SmolVM) -> Found:
    value = secrets.token_hex(4)
    vm.set_env({_VARIABLE: value}, scope="machine")
    seen = _seen(vm)
    vm.unset_env(_VARIABLE, scope="machine")
    gone = _seen(vm)
    checks = {f"{shell} sees it": said == value for shell, said in seen.items()}
    return found(
        "", checks | {f"{shell} sees that it is gone": value not in said for shell, said in gone.items()},
        set=seen, unset=gone,
    )  # fmt: skip


def _seen(vm: SmolVM) -> dict[str, str]:
    return {
        "the resident": vm.run(f"$env:{_VARIABLE}", timeout=_ANSWER).stdout.strip(),
        "a new powershell.exe": vm.run(f"$env:{_VARIABLE}", fresh=True, timeout=_ANSWER).stdout.strip(),
        "cmd.exe": vm.run(f"echo %{_VARIABLE}%", shell="cmd", timeout=_ANSWER).stdout.strip(),
    }


def _ports(vm: SmolVM) -> Found:
    """A server of this host is reached in the guest, and from here by way of the guest."""
    with _greeting() as port, vm.expose(port, guest_port=0) as inside:
        script = (
            "param($port) $c = [Net.Sockets.TcpClient]::new('127.0.0.1', $port);"
            " [IO.StreamReader]::new($c.GetStream()).ReadToEnd(); $c.Close()"
        )
        heard = vm.run(script, args=[inside], timeout=_ANSWER).stdout.strip()
        with vm.forward(inside) as address, closing(socket.create_connection(address, _ANSWER)) as outward:
            outward.settimeout(_ANSWER)
            around = outward.recv(5)
    return found("", {"a port of ours answers there": heard == "hello", "one of the guest here": around == b"hello"})


@contextmanager
def _greeting() -> Iterator[int]:
    """A server of this host that says hello to two visitors."""

    def serve() -> None:
        for _ in range(2):
            with suppress(OSError), listener.accept()[0] as connection:
                connection.sendall(b"hello")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, name="smolvm-greeting", daemon=True).start()
        yield listener.getsockname()[1]


def _names(vm: SmolVM) -> Found:
    long = rf"{_PLACE}\{'d' * 100}\{'e' * 100}\{'f' * 100}.txt"
    trouble = {}
    for path in (*(rf"{_PLACE}\names\{name}" for name in _NAMES), long):
        try:
            vm.write_text(path, path)
            if vm.read_text(path) != path:
                trouble[path] = "another content comes back"
        except SmolVMError as exc:
            trouble[path] = str(exc)
    listed = set(vm.listdir(rf"{_PLACE}\names")) == set(_NAMES)
    said = "; ".join(f"{path}: {why}" for path, why in trouble.items())
    return found(said, {"every name is taken": not trouble, "they are listed as they are": listed}, trouble=trouble)


def _reboot(vm: SmolVM) -> Found:
    began = now()
    vm.reboot()
    there = vm.run("'up'", timeout=_ANSWER).stdout.strip()
    return found(f"{now() - began:.0f} s", {"it can be used again": there == "up"})


PARTS: Sequence[tuple[str, Part]] = (
    ("scripts", _script),
    ("time-outs", _time_out),
    ("a PowerShell that ends itself", _restart),
    ("a spawned program", _spawn),
    ("trees both ways", _trees),
    ("over a read-only file", _over_read_only),
    ("over an open file", _over_open),
    ("a junction is removed", _junction),
    ("a variable of the machine", _environment),
    ("ports both ways", _ports),
    ("Unicode and long names", _names),
    ("the session on the screen", _desktop),
    ("a reboot", _reboot),
)
"""In this order, one after the other on the same guest."""
