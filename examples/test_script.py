"""Upload a script and run it; the directories on the way are created."""

from pathlib import Path

from pytest_smolvm import SmolVM


def test_upload_and_run(windows_vm: SmolVM, tmp_path: Path) -> None:
    script = tmp_path / "hello.ps1"
    script.write_text('param($Name)\nWrite-Output "hello, $Name"\n')

    windows_vm.upload_file(script, r"C:\Users\smolvm\scripts\hello.ps1")
    result = windows_vm.run(r"powershell.exe -File C:\Users\smolvm\scripts\hello.ps1 -Name tester")

    assert result.stdout.strip() == "hello, tester"
