"""Layers: made once, kept, stacked, and not tried again once they have failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM, windows_layer
from pytest_smolvm.cli import main
from pytest_smolvm.errors import BootError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool import starting
from tests.booted.conftest import fill_guest, in_linux, pool_on
from tests.booted.test_sharing import SECONDS, began

# Two workers want the same layer at the same time, and each has a test of one that fails.
SUITE = r"""
from pathlib import Path
import pytest
from pytest_smolvm import windows_layer

NOTE = r"C:\ProgramData\App\note.txt"
WORD = "%(word)s"

@windows_layer(files=["installer.txt"])
def app(vm):
    vm.upload_file(Path(__file__).with_name("installer.txt"), NOTE)

@windows_layer(parent=app)
def configured(vm):
    vm.write_text(NOTE, vm.read_text(NOTE) + WORD)

@windows_layer(parent=configured)
def used(vm):
    vm.write_text(NOTE, vm.read_text(NOTE) + ", used")

@windows_layer()
def broken(vm):
    vm.run("exit 3", shell="cmd", check=True)

class TestOne:
    @pytest.mark.windows_vm(layer=app, env_vars={"MODE": "test"})
    def test_app(self, windows_vm):
        assert windows_vm.read_text(NOTE) == "installed"
        assert windows_vm.run("$env:MODE").stdout.strip() == "test"

    @pytest.mark.windows_vm(layer=broken)
    def test_broken(self, windows_vm):
        pass

class TestOther:
    @pytest.mark.windows_vm(layer=used)
    def test_used(self, windows_vm):
        windows_vm.remove(NOTE)
        windows_vm.revert()
        assert windows_vm.read_text(NOTE) == "installed" + WORD + ", used"

    @pytest.mark.windows_vm(layer=broken)
    def test_broken(self, windows_vm):
        pass
"""
MADE = re.compile(r"making the layer (\w+), once for this host \.\.\.$", re.MULTILINE)
WAITED = re.compile(r"waiting for process \d+ to make the layer (\w+) \.\.\.$", re.MULTILINE)


def _run(inner: pytest.Pytester, store: Store, word: str, *words: str) -> tuple[pytest.RunResult, str]:
    inner.makepyfile(test_layers=SUITE % {"word": word})
    ran = inner.runpytest_subprocess("-p", "no:cacheprovider", f"--smolvm-store={store.root}", *words)
    return ran, ran.stderr.str() + ran.stdout.str()


@pytest.fixture(name="own")
def _own(calm_store: Store, store: Store, spec: GuestSpec) -> Store:
    """A store with the templates of this run's; what is added to them goes with the test."""
    starting.prepare(spec, pool_on(store).site)  # or each of these tests would bake one for itself
    place = calm_store.templates
    shared = place.readlink()
    place.unlink()
    place.mkdir(mode=0o700)
    for template in shared.iterdir():
        if not calm_store.is_aside(template):
            (place / template.name).symlink_to(template)
    return calm_store


def test_they_are_made_once_whichever_worker_asks_and_only_what_has_changed_is_made_anew(
    inner: pytest.Pytester, own: Store
) -> None:
    Path(inner.path, "installer.txt").write_text("installed", encoding="utf-8")
    first, said = _run(inner, own, " and configured", "-n2", "--dist=loadscope")
    first.assert_outcomes(passed=2, errors=2)
    assert ["app", "broken", "configured", "used"] == sorted(MADE.findall(said))
    assert {"app"} <= set(WAITED.findall(said))
    first.stdout.fnmatch_lines(["*layer broken could not be made: CommandFailed: exit code 3*screen: *.png*"])
    first.stdout.fnmatch_lines(["*, and it was not tried again.*"])

    second, said = _run(inner, own, " otherwise", "-k", "not broken")
    second.assert_outcomes(passed=2, deselected=2)
    assert ["configured", "used"] == MADE.findall(said)

    third, said = _run(inner, own, " otherwise", "-k", "not broken")
    third.assert_outcomes(passed=2, deselected=2)
    assert [] == MADE.findall(said)


def test_two_runs_at_once_make_each_once(inner: pytest.Pytester, own: Store) -> None:
    """Two processes that know nothing of each other, as two jobs of a CI machine."""
    Path(inner.path, "installer.txt").write_text("installed", encoding="utf-8")
    inner.makepyfile(test_layers=SUITE % {"word": " twice"})
    words = ("-k", "not broken", f"--smolvm-store={own.root}")
    with began(inner.path, "first", *words) as first:
        first.says(MADE)
        with began(inner.path, "second", *words) as second:
            second.says(WAITED)
            assert [0, 0] == [run.process.wait(SECONDS) for run in (first, second)]

    assert ["app", "configured", "used"] == sorted(MADE.findall(first.text + second.text))


@windows_layer()
def left_off(vm: SmolVM) -> None:
    vm.shutdown()


@windows_layer()
def hangs(vm: SmolVM) -> None:
    vm.run("ping -n 600 127.0.0.1 > nul", shell="cmd", timeout=2)


@windows_layer()
def asks(vm: SmolVM) -> None:
    vm.run("set /p answer=Continue? & if not defined answer exit 7", shell="cmd", check=True)


@windows_layer()
def thrown_away(vm: SmolVM) -> None:
    vm.close()


@windows_layer()
def another_password(vm: SmolVM) -> None:
    """As `net user` does it: the practice guest's accounts are its Linux's."""
    in_linux(vm, r"printf smolvm\\nChanged-4-good\\nChanged-4-good\\n | /usr/bin/passwd")


@windows_layer()
def filled(vm: SmolVM) -> None:
    fill_guest(vm, "1G", "64M", "4M", "64K", "4K")
    vm.write_bytes(r"C:\Users\smolvm\more.bin", bytes(4 * 10**6))  # more than programs that end meanwhile leave


@windows_layer()
def frozen_inside(vm: SmolVM) -> None:
    with vm.rollback():
        vm.write_text(r"C:\ProgramData\note.txt", "tried")


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (left_off, "GuestDied: "),
        (hangs, "CommandTimedOut: "),
        (asks, "CommandFailed: exit code 7"),
        pytest.param(another_password, "LoginError: ", marks=pytest.mark.slow),  # its hash is dear where it is emulated
        (filled, "TransferError: "),
        (thrown_away, "UsageError: this SmolVM is not running"),
        (frozen_inside, "UsageError: its function has taken a snapshot"),
    ],
)
def test_what_leaves_no_guest_to_use_is_no_layer(own: Store, spec: GuestSpec, layer: object, why: str) -> None:
    before = set(own.templates.iterdir())

    with pytest.raises(BootError, match=why) as met, SmolVM.of(spec.having(layer=layer), pool_on(own)):
        pass

    assert "layer" == met.value.stage
    assert before == set(own.templates.iterdir())
    assert [] == list(own.runs.iterdir())


@windows_layer()
def reverted(vm: SmolVM) -> None:
    vm.write_text(r"C:\ProgramData\first.txt", "tried")
    vm.revert()
    vm.write_text(r"C:\ProgramData\second.txt", "kept")


def test_a_layer_may_revert_its_guest_and_go_to_another_store(
    own: Store, spec: GuestSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = spec.having(layer=reverted)
    with SmolVM.of(wanted, pool_on(own)) as vm:
        assert not vm.exists(r"C:\ProgramData\first.txt")
        assert "kept" == vm.read_text(r"C:\ProgramData\second.txt")

    elsewhere, archive = Store.at(tmp_path / "elsewhere"), tmp_path / "reverted.tar"
    assert 0 == main.main(["--store", str(own.root), "snapshot", "export", "reverted", str(archive)])
    for template in own.templates.iterdir():
        template.rename(tmp_path / template.name)  # whoever still reads there fails
    assert 0 == main.main(["--store", str(elsewhere.root), "snapshot", "import", str(archive)])
    print(*capsys.readouterr())
    records = {file: file.read_bytes() for file in elsewhere.templates.glob("*/record.json")}
    with SmolVM.of(wanted, pool_on(elsewhere)) as vm:
        assert "kept" == vm.read_text(r"C:\ProgramData\second.txt")
        assert "1" == vm.run("1", check=True).stdout.strip()
    assert 2 == len(records)
    assert records == {file: file.read_bytes() for file in elsewhere.templates.glob("*/record.json")}


@windows_layer()
def rebooted(vm: SmolVM) -> None:
    vm.set_env({"STAGE": "before"}, scope="machine")
    vm.reboot()
    vm.write_text(r"C:\ProgramData\stage.txt", vm.run("$env:STAGE").stdout.strip())


@pytest.mark.slow
def test_a_layer_may_restart_its_guest(own: Store, spec: GuestSpec) -> None:
    with SmolVM.of(spec.having(layer=rebooted), pool_on(own)) as vm:
        assert "before" == vm.read_text(r"C:\ProgramData\stage.txt")
        vm.snapshot("now")
        vm.remove(r"C:\ProgramData\stage.txt")
        vm.revert("now")
        assert "before" == vm.read_text(r"C:\ProgramData\stage.txt")
        assert vm._running().machine.files.disk.exists()
