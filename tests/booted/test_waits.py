"""State of a booted guest, and waiting for it."""

from __future__ import annotations

import threading

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import GuestDied, RegistryError, ServiceError, SmolVMError, TimedOut

KEY = r"HKCU\Software\smolvm test\100% [x]"
HOME = r"C:\Users\smolvm"


def test_registry_values_have_types(windows_vm_module: SmolVM) -> None:
    registry = windows_vm_module.registry
    registry.write(KEY, "text", 'a "b" %PATH%\r\nü')
    registry.write(KEY, "number", 0xFFFFFFFF)
    registry.write(KEY, "list", ["one", "", "two", ""])
    registry.write(KEY, "", "default")
    registry.write(KEY, "path", "%SystemRoot%", "REG_EXPAND_SZ")

    values = {name: (value.kind, value.data) for name, value in registry.values(KEY).items()}
    assert values == {
        "text": ("REG_SZ", 'a "b" %PATH%\r\nü'),
        "number": ("REG_DWORD", 0xFFFFFFFF),
        "list": ("REG_MULTI_SZ", ["one", "", "two", ""]),
        "": ("REG_SZ", "default"),
        "path": ("REG_EXPAND_SZ", "%SystemRoot%"),
    }
    registry.delete(KEY, "text")
    assert registry.find(KEY, "TEXT") is None
    registry.delete(KEY)
    assert not registry.exists(KEY)
    with pytest.raises(RegistryError, match="no value 'text'"):
        registry.read(KEY, "text")


def test_the_wait_for_a_registry_value_ends_when_it_is_right(windows_vm_module: SmolVM) -> None:
    windows_vm_module.registry.write(KEY, "state", 1)

    with pytest.raises(TimedOut, match=r"registry value 'state'.*last seen: RegistryValue\(data=1"):
        windows_vm_module.wait_for_registry(KEY, "state", 2, timeout=0.1)
    assert 1 == windows_vm_module.wait_for_registry(KEY, "state", 1, timeout=0.1).data


def test_the_wait_for_a_file_ends_when_it_is_there(windows_vm_module: SmolVM) -> None:
    path = rf"{HOME}\later.txt"
    with pytest.raises(TimedOut, match="last seen: nothing of that name"):
        windows_vm_module.wait_for_file(path, timeout=0.1)

    late = threading.Timer(1.0, windows_vm_module.write_text, (path, "here"))
    late.start()
    assert 4 == windows_vm_module.wait_for_file(path, timeout=60).size
    late.join()


def test_the_wait_for_a_process_names_those_that_run(windows_vm_module: SmolVM) -> None:
    with pytest.raises(TimedOut, match=r"a process nothing.exe: not within .* last seen: .*\.exe"):
        windows_vm_module.wait_for_process("nothing.exe", timeout=0.1)

    running = windows_vm_module.process_list()
    assert windows_vm_module.wait_for_process(running[0].name.upper(), timeout=60).pid > 0
    assert all(process.pid >= 0 and process.name for process in running)


def test_a_command_is_tried_until_it_succeeds(windows_vm_module: SmolVM) -> None:
    path = rf"{HOME}\tries"

    again = rf'if exist "{path}" (exit 0) else (echo x>"{path}" & exit 7)'
    assert 0 == windows_vm_module.wait_until_succeeds(again, timeout=120, shell="cmd").exit_code
    assert 7 == windows_vm_module.wait_until_fails("exit 7", timeout=120, shell="cmd").exit_code


def test_a_command_that_never_succeeds_is_told_with_its_output(windows_vm_module: SmolVM) -> None:
    with pytest.raises(
        TimedOut, match=r"success of 'echo no& exit 3'.*last seen: (exit code 3, stdout: 'no|it did not end)"
    ):
        windows_vm_module.wait_until_succeeds("echo no& exit 3", timeout=3, shell="cmd")


def test_a_service_that_is_missing_is_told_as_such(windows_vm_module: SmolVM) -> None:
    with pytest.raises(ServiceError, match="no-such-service"):
        windows_vm_module.service("no-such-service").status()
    with pytest.raises(ServiceError, match="no-such-service"):
        windows_vm_module.wait_for_service("no-such-service", timeout=1)


def test_a_reboot_is_a_new_boot_and_a_shutdown_is_the_end(windows_vm: SmolVM) -> None:
    windows_vm.write_text(rf"{HOME}\kept.txt", "kept")
    with windows_vm._using() as ssh:
        before = ssh

    windows_vm.reboot()
    assert not before.alive
    assert "kept" == windows_vm.read_text(rf"{HOME}\kept.txt")

    windows_vm.shutdown()
    with pytest.raises(GuestDied, match="shutdown"):
        windows_vm.run("ver", shell="cmd")


def test_a_call_that_a_crash_of_the_guest_ended_says_so(windows_vm: SmolVM) -> None:
    windows_vm.run("exit 0", check=True)
    crash = threading.Timer(2, windows_vm._running().machine.monitor.execute, ["system_reset"])
    crash.start()

    with pytest.raises(SmolVMError) as caught:
        windows_vm.run("Start-Sleep 600")

    crash.join()
    assert [
        "Meanwhile the guest has restarted; if nobody asked it to, its system has crashed."
    ] == caught.value.__notes__
