"""What a type checker makes of the public names: mypy reads this file with all the others, nobody runs it.

A line that must not pass has an ignore with its code; strict mypy complains of one that is not needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from pytest_smolvm import (
    Argument,
    FileStat,
    GuestFactory,
    GuestSpec,
    Process,
    Registry,
    RegistryValue,
    RunResult,
    Service,
    SmolVM,
    SmolVMError,
    Spawned,
    __version__,
)


def guest_object(image: Path) -> None:
    with SmolVM(os="windows", image=image, env_vars={"APP_MODE": "test"}, memory=2048, cpus=2, boot="cold") as vm:
        assert_type(vm, SmolVM)
        assert_type(vm.spec, GuestSpec)
    SmolVM(image=1)  # type: ignore[arg-type]
    SmolVM(env_vars={"APP_MODE": 1})  # type: ignore[dict-item]


def scripts(vm: SmolVM) -> None:
    result = vm.run("exit 3", args=["text", 1, True, None], timeout=60, check=False, input=b"", on_output=print)
    assert_type(result, RunResult)
    assert_type(result.stdout, str)
    assert_type(result.exit_code, int)
    assert_type(result.duration, float)
    vm.run(["a", "list"])  # type: ignore[arg-type]
    vm.run("ver", "cmd")  # type: ignore[misc]
    vm.run("ver", args=[object()])  # type: ignore[list-item]


def files(vm: SmolVM) -> None:
    vm.upload_file("setup.exe", r"C:\setup.exe", verify=True, progress=lambda done, total: total - done)
    vm.upload_dir(Path("site"), r"C:\site")
    assert_type(vm.read_text(r"C:\a.txt"), str)
    assert_type(vm.read_bytes(r"C:\a.txt"), bytes)
    assert_type(vm.listdir(r"C:\site"), list[str])
    assert_type(vm.stat(r"C:\a.txt").size, int)
    vm.write_bytes(r"C:\a.txt", "text")  # type: ignore[arg-type]


def state(vm: SmolVM) -> None:
    assert_type(vm.get_env("PATH"), str | None)
    assert_type(vm.wait_until(lambda: vm.exists(r"C:\a.txt"), timeout=60), bool)
    with vm.forward(8080) as (host, port):
        assert_type(host, str)
        assert_type(port, int)
    with vm.expose(8080) as port:
        assert_type(port, int)


def parts(vm: SmolVM, factory: GuestFactory) -> None:
    arguments: list[Argument] = ["text", 1, 0.5, True, None]
    assert_type(vm.run("$args", args=arguments), RunResult)
    assert_type(vm.spawn(["notepad.exe"]), Spawned)
    assert_type(vm.stat(r"C:\a.txt"), FileStat)
    assert_type(vm.process_list(), list[Process])
    assert_type(vm.service("Spooler"), Service)
    assert_type(vm.registry, Registry)
    assert_type(vm.registry.read(r"HKCU\Environment", "TEMP"), RegistryValue)
    assert_type(factory(2, memory=2048), list[SmolVM])
    assert_type(__version__, str)
    factory("two")  # type: ignore[arg-type]


def spec(image: Path) -> None:
    wanted = GuestSpec(image=image, memory=2048)
    assert_type(wanted.having(cpus=1), GuestSpec)
    wanted.memory = 4096  # type: ignore[misc]
    GuestSpec(image)  # type: ignore[misc]


def errors(vm: SmolVM) -> None:
    try:
        vm.run("exit 1", check=True)
    except SmolVMError as exc:
        assert_type(exc, SmolVMError)
