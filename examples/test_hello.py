"""The smallest test: a fresh Windows computer, one PowerShell command."""


def test_hello(windows_vm):
    result = windows_vm.run("Write-Output 'hello from windows'")

    assert result.stdout.strip() == "hello from windows"
    assert result.exit_code == 0


def test_is_windows(windows_vm):
    assert windows_vm.run("(Get-Item C:\\Windows).Name").stdout.strip().lower() == "windows"  # case is the image's
    assert "Windows" in windows_vm.run("ver", shell="cmd").stdout
