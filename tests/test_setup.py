"""What `make setup` installs, with the package manager of a host that is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "packages.sh"
TOOLS = ("bash", "awk", "sort", "comm", "cat", "tail", "mktemp", "rm", "env")


class Debian:
    """A host with a few packages, and a repository.

    :param place: an empty directory.
    """

    def __init__(self, place: Path) -> None:
        self.programs = place / "bin"
        self.programs.mkdir()
        self.log = place / "log"
        self.log.touch()
        self.release = place / "os-release"
        self.release.write_text('ID=debian\nVERSION_ID="12"\n')
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool) or tool)
        self.program("id", "echo 0")
        self.program("dpkg-query", "printf 'ii  qemu-utils\\nii  ovmf\\nrc  swtpm\\n'; exit 1")
        self.program("apt-get", f'echo "$*" >>{self.log}')
        self.program("apt-cache", "exit 100")

    def program(self, name: str, script: str) -> None:
        """Give it a program of this name."""
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def setup(self, *packages: str) -> subprocess.CompletedProcess[str]:
        """Run the script there."""
        environment = {"PATH": str(self.programs), "OS_RELEASE": str(self.release)}
        return subprocess.run([SCRIPT, *packages], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    return Debian(tmp_path)


def test_a_host_that_has_everything_is_left_alone(debian: Debian) -> None:
    debian.program("dotnet", "")

    assert 0 == debian.setup("qemu-utils", "ovmf").returncode
    assert "" == debian.log.read_text()


def test_what_is_missing_is_installed_and_the_sdk_with_it(debian: Debian) -> None:
    debian.program("apt-cache", '[ "$*" = "show dotnet-sdk-10.0" ]')

    done = debian.setup("qemu-utils", "swtpm", "ovmf")

    assert (0, "installing packages: swtpm dotnet-sdk-10.0\n") == (done.returncode, done.stdout)
    assert debian.log.read_text() == "update -qq\ninstall -y -qq --no-install-recommends swtpm dotnet-sdk-10.0\n"


@pytest.mark.parametrize(("user", "before"), [("0", ""), ("1000", "sudo ")])
def test_without_an_sdk_nothing_is_installed_and_the_lines_to_type_are_said(
    debian: Debian, user: str, before: str
) -> None:
    debian.program("id", f"echo {user}")
    debian.program("sudo", 'exec "$@"')

    done = debian.setup("qemu-utils", "swtpm")

    assert 1 == done.returncode
    assert "    wget https://packages.microsoft.com/config/debian/12/packages-microsoft-prod.deb\n" in done.stderr
    assert f"    {before}dpkg -i packages-microsoft-prod.deb\n" in done.stderr
    assert "install" not in debian.log.read_text()


def test_a_failed_installation_shows_its_last_lines(debian: Debian) -> None:
    debian.program("dotnet", "")
    debian.program("apt-get", '[ "$1" = update ] || { echo "E: no room"; exit 100; }')

    done = debian.setup("swtpm")

    assert (1, "E: no room\n") == (done.returncode, done.stderr)
