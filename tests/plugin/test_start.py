"""What the plugin costs those who want no guest."""

from __future__ import annotations

import subprocess
import sys

import pytest

# xdist brings modules and a thread of its own, and pytest-rerunfailures (10.2) does not start without it.
ALONE = ("-p", "no:xdist", "-p", "no:rerunfailures")


@pytest.mark.parametrize(
    ("options", "unwanted"),
    [
        ((), {"paramiko", "filelock", "pytest_smolvm.plugin.suite", "pytest_smolvm.vm"}),
        (
            ("--smolvm-image=x.qcow2",),
            {"paramiko", "pytest_smolvm.pool.pool", "pytest_smolvm.vm", "pytest_smolvm.images.practice.build"},
        ),
    ],
)
def test_a_suite_without_guests_does_not_load_the_machinery(
    pytester: pytest.Pytester, options: tuple[str, ...], unwanted: set[str]
) -> None:
    pytester.makepyfile(f"import sys\ndef test_plain(): assert not {unwanted} & set(sys.modules)\n")

    pytester.runpytest_subprocess(*ALONE, *options).assert_outcomes(passed=1)


def test_a_suite_without_guests_has_no_thread_of_ours(pytester: pytest.Pytester) -> None:
    """Since Python 3.12, `os.fork` beside any thread is a DeprecationWarning, which some suites make an error."""
    pytester.makepyfile("import os\ndef test_plain(): assert 1 == len(os.listdir('/proc/self/task'))\n")

    result = pytester.runpytest_subprocess(*ALONE, "--smolvm-image=x.qcow2")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["smolvm: image x; QEMU *"])


def test_pytest_itself_starts_without_the_machinery() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pytest", "--version"]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr

    loaded = {line.rpartition("|")[2].strip() for line in said.splitlines()}
    assert "pytest_smolvm.plugin.options" in loaded
    dear = ("paramiko", "filelock", "pytest_smolvm.pool", "pytest_smolvm.vm", "pytest_smolvm.images")
    assert set() == {name for name in loaded if name.startswith(dear)}


HOMELESS = """
import pwd
pwd.getpwuid = lambda number: {}[number]
"""
"""The outermost edge: the user that runs the tests has an entry in the system's list."""


@pytest.mark.parametrize("image", [(), ("--smolvm-image=x.qcow2",), ("-n1", "--smolvm-image=x.qcow2")])
def test_a_user_without_a_home_directory_meets_that_when_a_guest_is_wanted(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, image: tuple[str, ...]
) -> None:
    """As in containers that run as any user."""
    for name in ("HOME", "SMOLVM_HOME", "SMOLVM_STORE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(nohome=HOMELESS, test_it="def test_plain(): pass\ndef test_guest(windows_vm): pass\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))

    result = pytester.runpytest_subprocess("-p", "nohome", "-rs", *image)

    if image:
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(["*StoreError: there is no home directory*--smolvm-store=DIR*"])
    else:
        result.assert_outcomes(passed=1, skipped=1)
