"""The practice guest's programs on this host, without the machine around them: SSH server, wine, PowerShell.

What a guest runs is in a directory of its own, in namespaces of its own. A powershell.exe that takes twelve seconds to
start in an emulated guest starts in one here, so that whole tables of scripts can be put to it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from pytest_smolvm.guest.link.login import Account, wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host import programs
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice import build
from pytest_smolvm.images.practice.kernel import read_kernel
from pytest_smolvm.images.practice.overlay import make_overlay
from pytest_smolvm.images.practice.steps import in_use

_UP_SECONDS = 120.0
_SERVER = "home/smolvm/.wine/drive_c/ProgramData/ssh/sshd_config"
# What init.c does in the guest. The shell, first process of its namespace, reaps what others leave; all end with it.
_SERVICES = r"""
set -e
root=$1 port=$2 screen=$3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/run/sshd" "$root/run/user" "$root/run/practice"
mkfifo -m 600 "$root/run/practice/requests" "$root/run/practice/power"
chown -R 1000:1000 "$root/run/user" "$root/run/practice"
as_user() {
  exec chroot "$root" setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME=/home/smolvm USER=smolvm LOGNAME=smolvm PATH=/usr/bin \
    LANG=C.UTF-8 WINEPREFIX=/home/smolvm/.wine WINEDEBUG=fixme-all WINEDLLOVERRIDES=mshtml,winemenubuilder.exe= XDG_RUNTIME_DIR=/run/user ${screen:+DISPLAY=:0} "$@"
}
chroot "$root" env -i PATH=/usr/sbin:/usr/bin LD_PRELOAD=/usr/lib/practice/sshd.so /usr/sbin/sshd -D -e -p "$port" -o ListenAddress=127.0.0.1 &
(as_user /usr/lib/wine/wineserver64 --foreground --persistent) &
(as_user /usr/lib/wine/wine64 'C:\windows\system32\OpenSSH\sshd.exe') &
served=$!
if [ "$screen" ]; then
  mkdir -p "$root/tmp/.X11-unix"
  touch "$root/tmp/.X11-unix/X0"
  mount --bind "$screen" "$root/tmp/.X11-unix/X0"
  (as_user /usr/lib/wine/wine64 'C:\windows\explorer.exe' /desktop=shell,1280x800) &
fi
wait $served
"""


@contextmanager
def userland(work: Path, directory: Path, server: str = "", screen: Path | None = None) -> Iterator[Ssh]:
    """A connection to it, for the length of the block. Needs root.

    :param work: where `practice build` keeps its steps.
    :param directory: an empty directory, emptied again afterwards.
    :param server: lines for the SSH server, as a guest has them in its sshd_config.
    :param screen: the socket of an X server: there is a desktop then.
    """
    tree = directory / "tree"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, tree)
        _unpack(work, directory, tree)
        if server:
            (tree / _SERVER).parent.mkdir(exist_ok=True)
            (tree / _SERVER).write_text(server)
        port = _free_port()
        words: list[str | Path] = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            _SERVICES,
            "sh",
            tree,
            str(port),
            screen or "",
        ]
        services = stack.enter_context(programs.running(words, log=directory / "services.log"))

        def check() -> None:
            assert services.poll() is None, programs.tail(directory / "services.log")

        account = Account(port, "smolvm", "smolvm", check)
        yield stack.enter_context(closing(wait_for_login(account, timeout=_UP_SECONDS)))
        check()  # else its last words would be lost, and those of the tests only say that nobody answers


def _unpack(work: Path, directory: Path, tree: Path) -> None:
    tools, powershell, root = (work / step for step in build.step_names(build.PracticeRecipe()))
    overlay = directory / "overlay.tar"
    tree.mkdir()
    with in_use(tools, powershell, root):
        make_overlay(overlay, read_kernel(root), tools, powershell)
        _extract(root, tree)
    _extract(overlay, tree)
    overlay.unlink()
    (tree / "dev").mkdir(exist_ok=True)


def _extract(archive: Path, tree: Path) -> None:
    subprocess.run(
        [
            "tar",
            "-C",
            tree,
            "-xpf",
            archive,
            "--numeric-owner",
            "--exclude=./dev/*",
            "--exclude=./usr/lib/modules/*",
        ],
        check=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def practice_userland(directory: Path, server: str = "", screen: Path | None = None) -> Iterator[Ssh]:
    """The same, of the practice image in the default store; the test is skipped where that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("the practice guest's programs run here in a chroot, which only root may enter")
    store = Store.default()
    build.practice_image(store, Silent())  # leaves its parts, which are used here
    with userland(store.work, directory, server, screen) as connection:
        yield connection
