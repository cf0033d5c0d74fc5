"""A program is installed, checked, and removed again. The installer here is a script; yours is setup.exe /quiet."""

import pytest

from pytest_smolvm import SmolVM

INSTALL = r"""
$target = 'C:\Program Files\Example'
New-Item $target -ItemType Directory -Force | Out-Null
Set-Content "$target\example.cmd" '@echo example 1.0'
$key = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Uninstall\Example'
New-Item $key -Force | Out-Null
Set-ItemProperty $key DisplayName 'Example'
Set-ItemProperty $key DisplayVersion '1.0'
"""
REMOVE = r"""
Remove-Item 'C:\Program Files\Example' -Recurse
Remove-Item 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Uninstall\Example'
"""
UNINSTALL = r"HKCU:\Software\Microsoft\Windows\CurrentVersion\Uninstall\Example"


@pytest.fixture(scope="module")
def installed(windows_vm_module: SmolVM, tmp_path_factory: pytest.TempPathFactory) -> SmolVM:
    setup = tmp_path_factory.mktemp("media") / "setup.ps1"
    setup.write_text(INSTALL)
    windows_vm_module.upload_file(setup, r"C:\media\setup.ps1")
    windows_vm_module.run(r"powershell.exe -ExecutionPolicy Bypass -File C:\media\setup.ps1", check=True)
    return windows_vm_module


def test_program_runs(installed: SmolVM) -> None:
    assert installed.run(r'"C:\Program Files\Example\example.cmd"', shell="cmd").stdout.strip() == "example 1.0"


def test_program_is_listed(installed: SmolVM) -> None:
    assert installed.run(f"(Get-ItemProperty {UNINSTALL}).DisplayVersion").stdout.strip() == "1.0"


def test_uninstall_leaves_nothing(installed: SmolVM) -> None:
    installed.run(REMOVE, check=True)

    assert installed.run(r"Test-Path 'C:\Program Files\Example'").stdout.strip() == "False"
    assert installed.run(f"Test-Path {UNINSTALL}").stdout.strip() == "False"
