"""The plugin with real guests: scopes, several guests, workers, kept disks, reverting."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store
from tests.booted.conftest import BAKING, WAITING

NOTE = r"C:\Users\smolvm\note.txt"


def test_scopes(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        f"""
        import pytest

        NOTE = {NOTE!r}

        class TestShared:
            def test_write(self, windows_vm_class, windows_vm_session):
                windows_vm_class.write_text(NOTE, "class")
                windows_vm_session.write_text(NOTE, "session")

            def test_read(self, windows_vm_class):
                assert windows_vm_class.read_text(NOTE) == "class"

        def test_fresh(windows_vm, windows_vm_session):
            assert windows_vm is not windows_vm_session
            assert windows_vm_session.read_text(NOTE) == "session"
            with pytest.raises(Exception, match="no such file"):
                windows_vm.read_text(NOTE)

        @pytest.mark.windows_vm(env_vars={{"WHO": "marked"}})
        def test_marked(windows_vm):
            assert windows_vm.run("echo %WHO%", shell="cmd").stdout.strip() == "marked"
        """
    )

    inner.runpytest_subprocess("-q").assert_outcomes(passed=4)


def test_revert_keeps_the_object_and_forgets_what_was_done(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        f"""
        import pytest
        from pytest_smolvm import SmolVMError

        pytestmark = pytest.mark.windows_vm(revert=True, env_vars={{"MODE": "x"}})
        seen = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_clean(windows_vm_module, time):
            seen.append(windows_vm_module)
            assert len(set(map(id, seen))) == 1
            assert windows_vm_module.run("echo %MODE%", shell="cmd").stdout.strip() == "x"
            with pytest.raises(SmolVMError, match="no such file"):
                windows_vm_module.read_text({NOTE!r})
            windows_vm_module.write_text({NOTE!r}, "dirty")
        """
    )

    inner.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_the_suites_own_defaults(inner: pytest.Pytester) -> None:
    inner.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def windows_vm_spec():
            return {"cpus": 1, "env_vars": {"SUITE": "ours"}}
        """
    )
    inner.makepyfile(
        """
        def test_defaults(windows_vm_session):
            assert windows_vm_session.spec.cpus == 1
            assert windows_vm_session.run("echo %SUITE% %NUMBER_OF_PROCESSORS%", shell="cmd").stdout.split() == ["ours", "1"]
        """
    )

    inner.runpytest_subprocess("-q", "--smolvm-boot=cold").assert_outcomes(passed=1)


def test_two_workers_share_one_template(
    inner: pytest.Pytester, image: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inner.makepyfile("def test_a(windows_vm): pass\ndef test_b(windows_vm): pass\n")
    store = tmp_path_factory.mktemp("fresh")

    result = inner.runpytest_subprocess("-n2", "--dist=load", f"--smolvm-store={store}")

    result.assert_outcomes(passed=2)
    text = result.stderr.str() + result.stdout.str()
    assert len(BAKING.findall(text)) == 1
    assert len(WAITING.findall(text)) == 1
    assert len(list(Store(store).templates.iterdir())) == 1


@pytest.mark.parametrize("most", [1, 2])
def test_auto_is_as_many_workers_as_guests_fit(inner: pytest.Pytester, most: int) -> None:
    workers = min(most, os.cpu_count() or 1)
    inner.makepyfile(f"import os\ndef test_count(): assert '{workers}' == os.environ['PYTEST_XDIST_WORKER_COUNT']\n")

    inner.runpytest_subprocess("-nauto", f"--smolvm-max-guests={most}").assert_outcomes(passed=1)


def test_header(inner: pytest.Pytester) -> None:
    result = inner.runpytest_subprocess("--collect-only")

    result.stdout.re_match_lines([r"smolvm: image \S+; QEMU \d+\.\d+\.\S+, (kvm|tcg \(.+\)); guests by clone"])


def test_what_a_guest_prints_is_seen_with_s_and_only_then(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        "def test_print(windows_vm):\n    windows_vm.run('echo one& echo two', shell='cmd')\n    assert [] == windows_vm.run_json(',@()')\n"
    )

    said = [line.split(" ")[-1] for line in inner.runpytest_subprocess("-s").outlines]
    assert ["one", "two"] == [line for line in said if line in ("one", "two", "[]")]
    assert "one" not in inner.runpytest_subprocess().outlines


@pytest.mark.parametrize(("keep", "kept"), [("never", 0), ("failed", 1), ("always", 2)])
def test_keep(inner: pytest.Pytester, store: Store, keep: str, kept: int) -> None:
    inner.makepyfile(
        **{f"test_keep_{keep}": "def test_good(windows_vm): pass\ndef test_bad(windows_vm): assert False\n"}
    )

    result = inner.runpytest_subprocess(f"--smolvm-keep={keep}")

    result.assert_outcomes(passed=1, failed=1)
    found = list(store.kept.glob(f"test_keep_{keep}*"))
    assert kept == len(found)
    assert all((directory / "disk.qcow2").is_file() and (directory / "serial.log").is_file() for directory in found)
    said = [line.partition(": kept the guest's disk and logs: ")[2] for line in result.errlines]
    assert {str(directory) for directory in found} == set(filter(None, said))
    for directory in found:
        shutil.rmtree(directory)


def test_more_guests_than_allowed_at_once(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_many(windows_vm_factory):\n    windows_vm_factory(count=3)\n")

    result = inner.runpytest_subprocess("--smolvm-max-guests=2")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CapacityError: 3 guests at once are asked for, but --smolvm-max-guests is 2"])


def test_holding_one_and_wanting_another_is_no_deadlock(inner: pytest.Pytester, calm_store: Store) -> None:
    """Where nobody else has guests: it would wait for the one of a test that itself waits for a run behind it."""
    inner.makepyfile("def test_more(windows_vm, windows_vm_factory):\n    windows_vm_factory()\n")

    result = inner.runpytest_subprocess("--smolvm-max-guests=1", f"--smolvm-store={calm_store.root}")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CapacityError: deadlock: everybody who holds a guest is waiting for another one*"])


def test_what_is_left_of_a_killed_workers_guest_is_kept_and_cleared_in_the_same_run(
    inner: pytest.Pytester, store: Store
) -> None:
    inner.makepyfile(
        test_it="""
        import os, signal

        def test_killed(windows_vm):
            with open("directory", "w") as file:
                file.write(str(windows_vm.logs[0].parent))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    result = inner.runpytest_subprocess("-n1", "--max-worker-restart=1")

    result.assert_outcomes(failed=1)
    place = inner.path / "test-results" / "smolvm" / "test_it.py-test_killed"
    assert {"serial.log", "missing.txt"} <= {path.name for path in place.iterdir()}
    result.stdout.fnmatch_lines([f"{place}", "*serial.log*", "missing: the worker was killed while the test ran*"])
    assert not Path(Path(inner.path, "directory").read_text(encoding="utf-8")).exists()
