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
from tests.images.windows.discs import virtio_iso

BOX = System(
    firmware="bios",
    release="Windows 10 Pro",
    build="19045",
    accounts=(LocalAccount(name="Administrator", disabled=True), LocalAccount(name="vagrant", disabled=False)),
    drivers=("storahci",),
    ssh="auto",
    agent=False,
    winrm=False,
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


GENERALIZED = replace(BOX, generalized=True, ssh="", accounts=(LocalAccount(name="Administrator", disabled=True),))


def test_a_generalized_system_is_started_for_the_first_time(source: Path) -> None:
    """Nothing has to be done by hand: its account is made then, and its SSH server comes with it."""
    found = plan(GENERALIZED, wish(source))

    assert found.first_start
    assert (found.user, found.password) == ("smolvm", "smolvm")
    assert plan(replace(GENERALIZED, server=True), wish(source, user="Vagrant")).password == "vagrant"
    assert not plan(BOX, wish(source)).first_start


@pytest.mark.parametrize(
    ("changes", "words", "told"),
    [
        ({}, {"user": "me"}, "the password of 'me', whom the first start is to make, is not public"),
        ({}, {"user": "Administrator", "password": "p"}, "is a built-in account"),
        ({}, {"user": "me", "password": ""}, "the password is empty"),
        ({"server": True}, {"user": "me", "password": "hunter"}, "too weak for Windows Server's policy"),
    ],
)
def test_accounts_that_a_first_start_cannot_make(
    source: Path, changes: dict[str, Any], words: dict[str, Any], told: str
) -> None:
    """Before anything is started: Setup would stop without a word."""
    with pytest.raises(UsageError, match=told):
        plan(replace(GENERALIZED, **changes), wish(source, **words))


def test_a_generalized_system_without_drivers(source: Path) -> None:
    """It could not be started at all."""
    with pytest.raises(ImageError, match="neither from a virtio-scsi disk nor from a SATA one") as caught:
        plan(replace(GENERALIZED, drivers=()), wish(source))

    assert "1. go through the pages of its first start" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words", "buses"),
    [
        ({}, {}, ("sata", ("virtio", "sata"))),
        ({"drivers": ("vioscsi", "netkvm")}, {}, ("virtio", ("virtio",))),
        ({}, {"bus": "virtio"}, ("sata", ("virtio",))),
        ({}, {"bus": "sata"}, ("sata", ("sata",))),
    ],
    ids=["SATA", "virtio", "virtio wanted", "SATA wanted"],
)
def test_drivers_for_a_first_start(
    source: Path, changes: dict[str, Any], words: dict[str, Any], buses: tuple[str, tuple[str, ...]]
) -> None:
    """It is started from what it has drivers for, and from then on from virtio, if that works."""
    disc = virtio_iso(source.with_name("virtio-win.iso"))
    found = plan(replace(GENERALIZED, build="20348", server=True, **changes), wish(source, virtio_iso=disc, **words))

    assert (found.first_bus, found.buses) == buses
    assert found.drivers is not None
    assert dict(found.drivers.folders)["vioscsi"] == "vioscsi/2k22/amd64"


def test_drivers_that_nobody_would_install(source: Path) -> None:
    """There is no first start, or none for this Windows."""
    disc = virtio_iso(source.with_name("virtio-win.iso"), ("w11",))

    with pytest.raises(UsageError, match=r"run virtio-win-guest-tools\.exe of that disc where it runs"):
        plan(BOX, wish(source, virtio_iso=disc))
    with pytest.raises(
        ImageError, match=r"has no vioscsi and no NetKVM driver for Windows 10 \(w10/amd64\); it has: w11"
    ):
        plan(GENERALIZED, wish(source, virtio_iso=disc))


@pytest.mark.parametrize("ssh", ["", "manual", "disabled"])
def test_a_system_that_something_else_answers_in_needs_no_hands(source: Path, ssh: str) -> None:
    """Its SSH server is installed, or made to start, through its guest agent; else through WinRM."""
    assert plan(replace(BOX, ssh=ssh, agent=True), wish(source)).through == ("agent",)
    assert plan(replace(BOX, ssh=ssh, winrm=True), wish(source)).through == ("winrm",)
    assert plan(replace(BOX, ssh=ssh, agent=True, winrm=True), wish(source)).through == ("agent", "winrm")
    assert plan(replace(BOX, agent=True, winrm=True), wish(source)).through == ()
    assert plan(replace(GENERALIZED, agent=True, winrm=True), wish(source)).through == ()


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
        ({"timeout": 0.0}, "timeout and stall must be"),
        ({"stall": 0.0}, "timeout and stall must be"),
        ({"openssh": Path("none.msi")}, "none.msi is not a file"),
        ({"openssh": Path("none.exe")}, "none.exe is neither .zip nor .msi"),
        ({"virtio_iso": Path("none.iso")}, "none.iso is not a file"),
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
