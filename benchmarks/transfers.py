"""Files into a guest: one large file against OpenSSH's sftp, a tree of small ones against SFTP file by file."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

from benchmarks.setting import Setting, in_turns, median, seconds
from pytest_smolvm import SmolVM

TIMES = 5
LARGE = 100 << 20
SMALL = 4096
SMALL_FILES = 1000
# File by file all of them would take minutes, and each as long as the other.
SINGLY = 200
HOME = r"C:\Users\smolvm"
# What paramiko agrees upon with sshd; OpenSSH would take chacha20-poly1305, which paramiko does not have.
AS_OURS = ("-oCiphers=aes128-ctr", "-oMACs=hmac-sha2-512-etm@openssh.com")


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, and how many times as fast as the other way."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="smolvm-files-") as place, setting.vm("clone") as vm:
        large, tree = Path(place) / "large.bin", Path(place) / "tree"
        large.write_bytes(os.urandom(LARGE))
        _grow(tree)
        vm.upload_file(large, rf"{HOME}\ours.bin")  # QEMU has to translate the guest's code once
        ways = {
            "sftp_100mb_seconds": lambda: _sftp(vm, large),
            "upload_100mb_seconds": lambda: seconds(lambda: vm.upload_file(large, rf"{HOME}\ours.bin")),
            "sftp_100mb_as_ours_seconds": lambda: _sftp(vm, large, *AS_OURS),
        }
        found.update(in_turns(TIMES, ways))
        found["upload_over_sftp"] = round(found["sftp_100mb_seconds"] / found["upload_100mb_seconds"], 3)
        found["upload_over_sftp_as_ours"] = round(
            found["sftp_100mb_as_ours_seconds"] / found["upload_100mb_seconds"], 3
        )
        found["download_100mb_seconds"] = round(seconds(lambda: vm.download_file(rf"{HOME}\ours.bin", large)), 3)

        found["tree_upload_seconds"] = median(TIMES, lambda: _fresh(vm, tree))
        singly = seconds(lambda: _one_by_one(vm, tree))
        found["one_by_one_seconds"] = round(singly * SMALL_FILES / SINGLY, 3)
        found["tree_over_one_by_one"] = round(found["one_by_one_seconds"] / found["tree_upload_seconds"], 1)
        found["tree_download_seconds"] = round(
            seconds(lambda: vm.download_dir(rf"{HOME}\tree", Path(place) / "back")), 3
        )
    return found


def _grow(tree: Path) -> None:
    for number in range(SMALL_FILES):
        file = tree / f"{number % 20}" / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(SMALL))


def _fresh(vm: SmolVM, tree: Path) -> float:
    if vm.exists(rf"{HOME}\tree"):
        vm.remove(rf"{HOME}\tree", recursive=True)
    return seconds(lambda: vm.upload_dir(tree, rf"{HOME}\tree"))


def _one_by_one(vm: SmolVM, tree: Path) -> None:
    for file in sorted(tree.rglob("*.txt"))[:SINGLY]:
        vm.upload_file(file, rf"{HOME}\singly\{file.name}")


def _sftp(vm: SmolVM, file: Path, *more: str) -> float:
    """OpenSSH's own client, which asks a program for the password.

    :param more: options.
    """
    askpass = file.with_name("askpass")
    askpass.write_text(f"#!/bin/sh\necho '{vm.spec.ssh_password}'\n")
    askpass.chmod(askpass.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    options = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    words = ["sftp", *options, *more, "-P", str(vm._running().machine.ssh_port), f"{vm.spec.ssh_user}@127.0.0.1"]
    wanted = f"put {file} /C:/Users/smolvm/theirs.bin\n"
    return seconds(
        lambda: subprocess.run(words, input=wanted, text=True, env=environment, capture_output=True, check=True)
    )
