"""What is tried with an image, and what somebody has to do by hand instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import ImageError, UsageError
from pytest_smolvm.images.windows.foreign.plan import plan
from pytest_smolvm.images.windows.foreign.system import LocalAccount, System
from pytest_smolvm.images.windows.foreign.wish import Wish

BOX = System(
    firmware="bios",
    release="Windows 10 Pro",
    build="19045",
    accounts=(LocalAccount(name="Administrator", disabled=True), LocalAccount(name="vagrant", disabled=False)),
    drivers=("storahci",),
    ssh="auto",
    generalized=False,
    maker="",
)


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "win.box"
    path.touch()
    return path


def wish(source: Path, **words: Any) -> Wish:
    return Wish(source=source, output=source.with_name("out.qcow2"), **words)


def test_a_box_of_vagrant_needs_no_words(source: Path) -> None:
    """Firmware and drivers are seen on it, and its account's password is everybody's."""
    found = plan(BOX, wish(source))

    assert (found.buses, found.firmware, found.memory) == (("sata",), "bios", 4096)
    assert (found.user, found.password) == ("vagrant", "vagrant")


def test_what_is_said_counts(source: Path) -> None:
    """Devices, firmware, memory, and an account of a domain, which no disk knows of."""
    words = {"bus": "virtio", "firmware": "uefi", "memory": 8192, "user": "corp\\me", "password": "p"}
    found = plan(BOX, wish(source, **words))

    assert (found.buses, found.firmware, found.memory) == (("virtio",), "uefi", 8192)
    assert (found.user, found.password) == ("corp\\me", "p")
    assert "'p'" not in repr(found)
    assert plan(BOX, wish(source, user="Vagrant")).password == "vagrant"


@pytest.mark.parametrize(
    ("changes", "words", "told"),
    [
        ({"accounts": (LocalAccount(name="me", disabled=False),)}, {}, "None of me has a public password; give --user"),
        ({"accounts": ()}, {}, "None of them has a public password"),
        ({}, {"user": "you", "password": "p"}, "the account 'you' is not on .*; there are vagrant"),
        ({}, {"user": "administrator", "password": "p"}, "the account 'administrator' is disabled on"),
        ({"accounts": (LocalAccount(name="me", disabled=False),)}, {"user": "me"}, "'me' is not public; give --pass"),
    ],
)
def test_whom_nobody_can_log_in(source: Path, changes: dict[str, Any], words: dict[str, Any], told: str) -> None:
    """Told before anything is started, with those that there are."""
    with pytest.raises(UsageError, match=told):
        plan(replace(BOX, **changes), wish(source, **words))


@pytest.mark.parametrize(
    ("changes", "told", "listed"),
    [
        ({"ssh": ""}, "Windows 10 Pro 19045 on .* has no SSH server", ["Add-WindowsCapability", "sc.exe", "netsh.exe"]),
        ({"ssh": "disabled"}, "has an SSH server that is disabled", ["sc.exe config sshd start= auto", "netsh.exe"]),
        ({"ssh": "manual"}, "has an SSH server that is started manual", ["sc.exe", "netsh.exe", "/hibernate off"]),
        (
            {"drivers": ("viostor",)},
            "neither from a virtio-scsi disk nor from a SATA one",
            ["DefaultShell", "StartOverr"],
        ),
        ({"generalized": True, "ssh": ""}, "is generalized .Sysprep.", ["pages of its first start", "Add-WindowsCap"]),
    ],
)
def test_what_has_to_be_done_by_hand(source: Path, changes: dict[str, Any], told: str, listed: list[str]) -> None:
    """A list of what is missing, in order, with commands, and nothing that is there already."""
    with pytest.raises(ImageError, match=told) as caught:
        plan(replace(BOX, **changes), wish(source))

    lines = str(caught.value).splitlines()
    places = [next(at for at, line in enumerate(lines) if word in line) for word in listed]
    assert places == sorted(places)
    assert [line[:5] for line in lines[1:-1]] == [f"  {number}. " for number in range(1, len(lines) - 1)]
    assert ("Add-WindowsCapability" in str(caught.value)) == (changes.get("ssh") == "")
    assert lines[-1] == "Then bring it once more."


def test_a_package_that_is_at_hand(source: Path, tmp_path: Path) -> None:
    """It is named instead of what Windows would download."""
    package = tmp_path / "OpenSSH-Win64.msi"
    package.touch()
    with pytest.raises(ImageError, match=r"1\. install an SSH server: copy OpenSSH-Win64\.msi there"):
        plan(replace(BOX, ssh=""), wish(source, openssh=package))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"source": Path("none.vhdx")}, "there is no .*none.vhdx"),
        ({"password": "p"}, "whose password is it"),
        ({"user": ""}, "--user must be"),
        ({"memory": 64}, "is too little"),
        ({"timeout": 0.0}, "timeout must be"),
        ({"openssh": Path("none.msi")}, "none.msi is not a file"),
    ],
)
def test_wishes_that_make_no_sense(source: Path, words: dict[str, Any], told: str) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError, match=told):
        wish(**{"source": source, **words})


def test_a_file_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell leaves the tilde to us behind an equals sign."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "win.box").touch()

    assert wish(Path("~/win.box")).source == tmp_path / "win.box"
    assert wish(Path("~/win.box")).output == tmp_path / "out.qcow2"


def test_a_disk_is_not_brought_over_itself(source: Path) -> None:
    """By whatever name."""
    link = source.with_name("link.qcow2")
    link.symlink_to(source)
    with pytest.raises(UsageError, match="is what is to be brought"):
        Wish(source=source, output=link, force=True)
