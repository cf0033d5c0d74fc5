"""What a test, a suite and the README may say about a guest."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import MARKER, GuestSpec
from pytest_smolvm.plugin.options import TABLE, WANTS
from pytest_smolvm.plugin.wants import KEYWORDS, help_text

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
NEEDS_A_GUEST = "def test_guest(windows_vm):\n    windows_vm.run('1')\n"


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("color='red'", "unknown keyword 'color'; use one of boot, * image, *"),
        ("'win11'", "give keywords, not 'win11'*"),
    ],
)
def test_a_marker_with_something_unknown_is_an_error(pytester: pytest.Pytester, mark: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.windows_vm({mark})\n" + NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=gone.qcow2")

    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*marker windows_vm of test_a_marker*: {said}"])


SUITE = """
import pytest

@pytest.fixture(scope="session")
def windows_vm_spec(): return {wants}
"""


@pytest.mark.parametrize(
    ("wants", "said"),
    [
        ({"colour": 1}, "fixture windows_vm_spec: unknown keyword 'colour'; use one of *memory*"),
        ({"image": "win11"}, "windows_vm_spec cannot choose the image; use --smolvm-image=PATH or the marker"),
        (None, "fixture windows_vm_spec: give a dict of keywords, not None*"),
    ],
)
def test_suite_defaults_that_make_no_sense_are_an_error(pytester: pytest.Pytester, wants: object, said: str) -> None:
    pytester.makeconftest(SUITE.format(wants=wants))
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=gone.qcow2")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*UsageError: {said}"])


def test_a_suite_may_have_every_shared_guest_reverted(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import pytest
from pytest_smolvm.plugin.suite import Shared

class Guest:
    reverted = 0

    class desktop: failure = None

    def revert(self): self.reverted += 1

@pytest.fixture(scope="session")
def windows_vm_session(_smolvm, request):
    guest = Guest()
    with _smolvm.artifacts.of(request.node, "windows_vm_session") as evidence:
        with _smolvm.sharing("windows_vm_session", Shared(guest, evidence, None, revert=True)):
            yield guest
"""
    )
    pytester.makepyfile(
        """
        import pytest

        def test_first(windows_vm_session): assert windows_vm_session.reverted == 0
        def test_other(): pass
        def test_next(windows_vm_session): assert windows_vm_session.reverted == 1
        @pytest.mark.windows_vm(revert=False)
        def test_last(windows_vm_session): assert windows_vm_session.reverted == 1
        """
    )

    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=4)


def test_several_images_make_several_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_all(windows_vm): pass

        @pytest.mark.windows_vm(image=["win11", "win10"])
        def test_named(windows_vm): pass

        @pytest.mark.windows_vm(image="win10")
        def test_one(windows_vm_module): pass

        def test_none(): pass
        """
    )

    result = pytester.runpytest_subprocess(
        "--collect-only", "-q", "--smolvm-image=win10=a.qcow2", "--smolvm-image=win11=b.qcow2"
    )

    names = sorted(line.partition("::")[2] for line in result.outlines if "::" in line)
    assert names == [
        "test_all[win10]",
        "test_all[win11]",
        "test_named[win10]",
        "test_named[win11]",
        "test_none",
        "test_one",
    ]


def test_each_directory_has_defaults_of_its_own(pytester: pytest.Pytester) -> None:
    """Seen by what no host has."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "x.qcow2", "1M"], check=True)
    for name, memory in (("one", 10**8), ("two", 2 * 10**8)):
        place = pytester.mkpydir(name)
        (place / "conftest.py").write_text(SUITE.format(wants={"memory": memory}))
        (place / "test_it.py").write_text(NEEDS_A_GUEST)
    (pytester.path / "test_plain.py").write_text(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", "--smolvm-memory=300000000")

    result.assert_outcomes(errors=3)
    asked = [
        int(size)
        for size in re.findall(r"^E .*CapacityError: 1 guest of (\d+) MiB can", result.stdout.str(), re.MULTILINE)
    ]
    # The more memory is wanted, the more one guest takes; the directories come last.
    assert len(set(asked)) == 3
    assert sorted(asked) == [asked[1], asked[2], asked[0]]


def test_every_want_of_a_marker_is_a_field_of_the_spec_that_says_so() -> None:
    wants = [want.name for want in fields(GuestSpec) if MARKER in want.metadata["where"]]

    assert ["image", "images", "only", "skip", *wants, "revert"] == list(KEYWORDS)
    assert all(f"{name}: " in help_text() for name in KEYWORDS)


def test_the_readme_names_every_keyword_of_the_marker() -> None:
    (signature,) = re.findall(r"`@pytest\.mark\.windows_vm\(([^`]*=\.\.\.[^`]*)\)`", README)

    assert list(KEYWORDS) == re.findall(r"(\w+)=", signature)


def test_the_readme_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(?:--)?(smolvm[\w-]+)`.*\| (.*?) \|$", README, re.MULTILINE))
    keys = [setting for setting in TABLE if setting.secret or setting.ini_only]
    names = [setting.key if setting in keys else f"smolvm-{setting.name}" for setting in TABLE]

    assert set(names) == set(rows)
    for want in WANTS:
        (row,) = (rows[name] for name in rows if name.replace("-", "_") == f"smolvm_{want.name}")
        assert row.strip("`").startswith(f"{want.default:g}" if str(want.type) in ("int", "float") else want.default)
