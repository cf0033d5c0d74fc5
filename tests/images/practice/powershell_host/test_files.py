"""Files in and out of the practice guest, its programs running on this host."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

import pytest

from pytest_smolvm.errors import TransferError, UsageError
from pytest_smolvm.guest.commands.run import run
from pytest_smolvm.guest.files import file, filesystem, removal, tree
from pytest_smolvm.guest.files.methods import FileMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import nothing

DIRECTORY = PureWindowsPath(r"C:\transfers")


@pytest.fixture
def there(connection: Ssh) -> Iterator[PureWindowsPath]:
    """An empty directory of the guest."""
    filesystem.make_directories(connection.sftp, DIRECTORY)
    yield DIRECTORY
    removal.remove(connection, str(DIRECTORY))


@pytest.mark.parametrize(
    ("dated", "kept"), [(-1, 0), (-(10**10), 0), (0, 0), (2**32 - 1, 2**32 - 1), (2**32, 2**32 - 1), (2**33, 2**32 - 1)]
)
def test_a_file_of_a_time_that_sftp_lacks_gets_the_nearest(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, dated: int, kept: int
) -> None:
    (tmp_path / "old.txt").write_text("x")
    os.utime(tmp_path / "old.txt", (dated, dated))

    file.upload(connection.sftp, tmp_path / "old.txt", there / "old.txt")

    assert kept == filesystem.look(connection.sftp, there / "old.txt").modified


@pytest.mark.parametrize("dated", [-1, 2**33])
def test_a_tree_of_such_times_goes_both_ways(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, dated: int
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "old.txt").write_text("x")
    os.utime(tmp_path / "here" / "old.txt", (dated, dated))

    tree.upload(connection, tmp_path / "here", there / "tree")
    tree.download(connection, there / "tree", tmp_path / "back")

    assert dated == (tmp_path / "back" / "old.txt").stat().st_mtime


@pytest.mark.parametrize("name", ["日" * 82 + ".txt", "日" * 85, "x" * 255], ids=["250", "255", "ascii"])
def test_a_file_of_a_name_as_long_as_names_can_be_goes_both_ways(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("x")
    file.upload(connection.sftp, tmp_path / name, there / name)
    (tmp_path / "back").mkdir()

    file.download(connection.sftp, there / name, tmp_path / "back" / name)
    tree.download(connection, there, tmp_path / "tree")

    assert ["x"] * 2 == [(tmp_path / place / name).read_text() for place in ("back", "tree")]
    assert [name] == os.listdir(tmp_path / "back")


def test_a_name_that_this_host_cannot_have_is_one_of_our_errors(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path
) -> None:
    name = "日" * 86  # 258 bytes, where Linux has 255
    file.write(connection.sftp, there / "short.txt", b"x")

    with pytest.raises(TransferError, match="File name too long"):
        file.download(connection.sftp, there / "short.txt", tmp_path / name)
    with pytest.raises(TransferError, match="File name too long"):
        tree.download(connection, there, tmp_path / name)
    with pytest.raises(UsageError, match="there is no file"):
        file.upload(connection.sftp, tmp_path / name, there / "x")
    with pytest.raises(UsageError, match="there is no directory"):
        tree.upload(connection, tmp_path / name, there / "x")
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["a?b", "con", "a<b", "nul.txt", "tab\tx"])
def test_a_name_that_windows_cannot_have_is_none_that_is_there(
    connection: Ssh, there: PureWindowsPath, name: str
) -> None:
    """To the server that is no failure of another kind (ERROR_INVALID_NAME, in its fileio.c)."""
    asked: list[Callable[[str], object]] = [connection.sftp.stat, connection.sftp.listdir, connection.sftp.mkdir]
    for ask in (*asked, connection.sftp.remove):
        with pytest.raises(FileNotFoundError):
            ask(f"/C:/transfers/{name}")
    with pytest.raises(FileNotFoundError):
        connection.sftp.open(f"/C:/transfers/{name}", "w")


def test_dots_and_blanks_at_the_end_of_a_name_are_not_part_of_it(connection: Ssh, there: PureWindowsPath) -> None:
    connection.sftp.open("/C:/transfers/dotted. . ", "w").close()
    connection.sftp.mkdir("/C:/transfers/directory.")

    assert ["directory", "dotted"] == filesystem.names(connection.sftp, there)
    assert connection.sftp.stat("/C:/transfers./directory./../dotted...").st_size == 0


def test_a_file_that_is_listed_is_a_failure_of_no_known_kind(connection: Ssh, there: PureWindowsPath) -> None:
    file.write(connection.sftp, there / "file.txt", b"x")

    with pytest.raises(OSError, match="Failure") as caught:
        connection.sftp.listdir("/C:/transfers/file.txt")
    assert caught.value.errno is None


class Files(FileMethods):
    """The methods of a guest object, over one connection."""

    def __init__(self, ssh: Ssh) -> None:
        super().__init__()
        self._ssh = ssh

    @contextmanager
    def _using(self) -> Iterator[Ssh]:
        with self._ssh.in_use():
            yield self._ssh


@contextmanager
def running(connection: Ssh, program: PureWindowsPath) -> Iterator[None]:
    """A copy of cmd.exe that runs for the length of the block: nobody can remove its file meanwhile."""
    begun = threading.Event()

    def runs() -> None:
        line = f'{program} /c "echo begun& ping -n 300 127.0.0.1"'
        connection.execute(line, on_stdout=lambda _: begun.set(), on_stderr=nothing, timeout=300)

    thread = threading.Thread(target=runs)
    thread.start()
    assert begun.wait(60)
    yield
    run(connection, f"taskkill /f /im {program.name}", shell="cmd").check()
    thread.join()


def test_a_file_in_use_stays_and_so_does_its_read_only_mark(connection: Ssh, there: PureWindowsPath) -> None:
    """The mark is in the way of a removal: it is taken away for a try, and put back if that fails."""
    guest, program = Files(connection), there / "used.exe"
    run(connection, rf"copy c:\windows\system32\cmd.exe {program} && attrib +r {program}", shell="cmd").check()

    with running(connection, program):
        with pytest.raises(TransferError, match=r"used\.exe"):
            guest.remove(program)
        kept = guest.stat(program).read_only
    guest.remove(program)

    assert kept
    assert [] == guest.listdir(there)


def test_the_files_of_a_running_program_are_replaced_and_go_when_it_has_ended(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path
) -> None:
    guest, program = Files(connection), there / "app.exe"
    run(connection, rf"copy c:\windows\system32\cmd.exe {program}", shell="cmd").check()
    guest.download_file(program, tmp_path / "app" / "app.exe")
    with open(tmp_path / "app" / "app.exe", "ab") as file_there:
        file_there.write(b"another version")
    (tmp_path / "app" / "data.txt").write_text("new")
    with running(connection, program):
        with pytest.warns(UserWarning, match=r"C:\\transfers is complete, .* in use .*\.smolvm"):
            guest.upload_dir(tmp_path / "app", there)

        assert "new" == guest.read_text(there / "data.txt")
        assert (tmp_path / "app" / "app.exe").stat().st_size == guest.stat(program).size
        (left,) = (name for name in guest.listdir("C:\\") if name.endswith(filesystem.MARK))

    guest.write_text(there / "other.txt", "x")

    assert left not in guest.listdir("C:\\")
