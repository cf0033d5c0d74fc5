"""The snippets of the article that introduced SmolVM's Windows sandboxes, as they stand but for the import."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm import SmolVM


@pytest.fixture(autouse=True)
def at_home(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The article's image path is ~/.smolvm/images/win11.qcow2."""
    images = tmp_path / ".smolvm/images"
    images.mkdir(parents=True)
    (images / "win11.qcow2").symlink_to(image)
    monkeypatch.setenv("SMOLVM_HOME", _store())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def _store() -> str:
    from pytest_smolvm.host.store import default_root

    return str(default_root())


def test_hello(capsys: pytest.CaptureFixture[str]) -> None:
    with SmolVM(
        os="windows",
        image="~/.smolvm/images/win11.qcow2",
        ssh_user="smolvm",
        ssh_password="smolvm",
    ) as vm:
        vm.wait_for_ssh()
        print(vm.run("Write-Output 'hello from windows'").stdout)
        print(vm.run("hostname").stdout)

        result = vm.run("Write-Output 'hello from windows'")
        print(result.stdout)
        print(result.exit_code)

        result = vm.run("(Get-Item C:\\Windows).Name")
        print(result.stdout.strip())

        Path("hello.ps1").write_text("Write-Output 'hello from a file'\n")
        vm.upload_file("./hello.ps1", "C:\\Users\\smolvm\\scripts\\hello.ps1")

        result = vm.run("powershell.exe -File C:\\Users\\smolvm\\scripts\\hello.ps1")
        print(result.stdout)

    words = capsys.readouterr().out.split("\n")
    # Names ignore case on Windows, and wine spells the directory in small letters.
    assert [
        word.strip().replace("windows", "Windows", 1) if word.strip() == "windows" else word.strip()
        for word in words
        if word.strip()
    ] == [
        "hello from windows",
        "PRACTICE",
        "hello from windows",
        "0",
        "Windows",
        "hello from a file",
    ]


def test_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with SmolVM(
        os="windows",
        image="~/.smolvm/images/win11.qcow2",
        ssh_user="smolvm",
        ssh_password="smolvm",
        env_vars={
            "APP_MODE": "production",
        },
    ) as vm:
        vm.wait_for_ssh()
        print(vm.run("$env:APP_MODE").stdout.strip())

    assert capsys.readouterr().out == "production\n"
