"""The smallest test: a fresh Windows computer, one PowerShell command."""

from pytest_smolvm import SmolVM


def test_hello(windows_vm: SmolVM) -> None:
    result = windows_vm.run("Write-Output 'hello from windows'")

    assert result.stdout.strip() == "hello from windows"
    assert result.exit_code == 0


def test_is_windows(windows_vm: SmolVM) -> None:
    assert "windows" in windows_vm.run("(Get-Item C:\\Windows).FullName").stdout.lower()
    assert "Windows" in windows_vm.run("ver", shell="cmd").stdout
