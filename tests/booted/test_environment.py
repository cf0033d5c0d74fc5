"""The environment in a guest's registry: exact, and seen by what starts next."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.system.regfile import RegistryValue

USER = r"HKCU\Environment"
MACHINE = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
STRANGE = {
    "SMOLVM_QUOTES": "a \"b\" 'c' `d` ^e^ <f> |g| &h&",
    "SMOLVM_PERCENT": "100% %PATH% %%x%%",
    "SMOLVM_LINES": "first\r\n[second]\nthird=\\",
    "SMOLVM_UNICODE": "grüße 日本 🎈",
    "SMOLVM_LONG": "x" * 30_000,
}


def test_strange_values_are_read_as_they_were_written(windows_vm_module: SmolVM) -> None:
    windows_vm_module.set_env(STRANGE)

    values = windows_vm_module.registry.values(USER)
    assert STRANGE == {name: values[name].data for name in STRANGE}
    assert STRANGE["SMOLVM_LINES"] == windows_vm_module.get_env("smolvm_lines")
    assert "100% %PATH% %%x%%" == windows_vm_module.run("echo %SMOLVM_PERCENT%", shell="cmd").stdout.strip()
    assert 30_000 == len(
        windows_vm_module.run("set SMOLVM_LONG", shell="cmd").stdout.strip().removeprefix("SMOLVM_LONG=")
    )

    windows_vm_module.unset_env(*STRANGE)
    assert windows_vm_module.get_env("SMOLVM_LONG") is None
    assert 1 == windows_vm_module.run("set SMOLVM_", shell="cmd").exit_code


def test_the_user_s_value_goes_before_the_machine_s(windows_vm_module: SmolVM) -> None:
    windows_vm_module.set_env({"SMOLVM_SCOPE": "machine", "SMOLVM_ONLY": "machine"}, scope="machine")
    windows_vm_module.set_env({"SMOLVM_SCOPE": "user"})

    assert "user machine" == windows_vm_module.run("echo %SMOLVM_SCOPE% %SMOLVM_ONLY%", shell="cmd").stdout.strip()
    assert "machine" == windows_vm_module.get_env("SMOLVM_SCOPE", scope="machine")


def test_path_keeps_its_type_and_each_directory_is_in_it_once(windows_vm_module: SmolVM) -> None:
    before = windows_vm_module.registry.find(MACHINE, "Path")
    assert before is not None

    windows_vm_module.add_to_path(r"%SystemRoot%\smolvm-tools", scope="machine")
    windows_vm_module.add_to_path(r"%systemroot%/smolvm-tools/", scope="machine")
    windows_vm_module.add_to_path(r"C:\first", first=True)

    changed = windows_vm_module.registry.read(MACHINE, "Path")
    assert RegistryValue(f"{str(before.data).rstrip(';')};%SystemRoot%\\smolvm-tools", before.kind) == changed
    seen = windows_vm_module.run("path", shell="cmd").stdout.lower()
    assert r"c:\first" in seen
    if before.kind == "REG_EXPAND_SZ":
        assert r"c:\windows\smolvm-tools" in seen

    windows_vm_module.remove_from_path(r"%SystemRoot%\smolvm-tools", scope="machine")
    windows_vm_module.remove_from_path(r"C:\FIRST")
    assert str(before.data).rstrip(";") == windows_vm_module.get_env("Path", scope="machine")


def test_path_is_not_replaced_by_accident(windows_vm_module: SmolVM) -> None:
    with pytest.raises(UsageError, match="add_to_path"):
        windows_vm_module.set_env({"Path": r"C:\only"})


@pytest.mark.parametrize("name", ["", "a=b", "a\0b", "a\nb", " a", "x" * 300])
def test_names_windows_cannot_have_are_refused(windows_vm_module: SmolVM, name: str) -> None:
    with pytest.raises(UsageError):
        windows_vm_module.set_env({name: "x"})


def test_an_unknown_scope_is_refused(windows_vm_module: SmolVM) -> None:
    with pytest.raises(UsageError, match="user, machine"):
        windows_vm_module.set_env({"A": "x"}, scope="process")
