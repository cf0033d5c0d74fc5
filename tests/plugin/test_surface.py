"""What a pytest user sees before any guest runs."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest

NEEDS_A_GUEST = "def test_guest(windows_vm):\n    windows_vm.run('1')\n"
NEEDS_TWO_GUESTS = "def test_guests(windows_vm_factory):\n    windows_vm_factory(count=2)\n"


@pytest.fixture(autouse=True)
def own_store(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOLVM_HOME", str(pytester.path / "store"))
    for name in ("SMOLVM_IMAGE", "SMOLVM_REQUIRE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("test", [NEEDS_A_GUEST, NEEDS_TWO_GUESTS])
def test_no_image_skips_with_the_reason(pytester: pytest.Pytester, test: str) -> None:
    pytester.makepyfile(test)

    result = pytester.runpytest_subprocess("-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*no Windows image is configured: give --smolvm-image=FILE.qcow2, or --smolvm-image=practice*"]
    )


@pytest.mark.parametrize("test", [NEEDS_A_GUEST, NEEDS_TWO_GUESTS])
def test_a_missing_tool_skips_and_names_the_package(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str
) -> None:
    monkeypatch.setenv("PATH", str(pytester.mkdir("empty")))
    pytester.makepyfile(test)

    result = pytester.runpytest_subprocess("-rs", "--smolvm-image=x.qcow2")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*qemu-system-x86_64 is not installed; on Debian or Ubuntu: apt-get install qemu-system-x86*"]
    )


def test_a_configured_image_that_is_not_there_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=gone.qcow2")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ImageError: there is no image at */gone.qcow2"])


def test_an_image_nobody_configured_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.windows_vm(image='win7')\n" + NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=win11=gone.qcow2")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no image is called 'win7'; configured are: win11*"])


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


@pytest.mark.parametrize("option", ["--smolvm-memory=much", "--smolvm-boot=warm", "--smolvm-image="])
def test_an_option_that_makes_no_sense_is_a_usage_error(pytester: pytest.Pytester, option: str) -> None:
    result = pytester.runpytest_subprocess(option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *image*" if "image" in option else f"ERROR: {option.partition('=')[0]}*"])


def test_memory_no_host_has_is_an_error_at_once(pytester: pytest.Pytester) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "x.qcow2", "1M"], check=True)
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", "--smolvm-memory=100000000")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*CapacityError: 1 guest of * can never fit: this host has * MiB*"])


def test_a_store_that_cannot_be_written_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makefile(".txt", file="not a directory")
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", "--smolvm-store=file.txt/store")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*StoreError: the store */file.txt/store cannot be written: *"])


def test_help_lists_every_option_with_its_ini_key_and_variable(pytester: pytest.Pytester) -> None:
    text = re.sub(r"\s+", " ", pytester.runpytest_subprocess("--help").stdout.str())

    for name in ("image", "memory", "cpus", "boot", "boot-timeout", "keep", "max-guests", "store", "ssh-user"):
        assert f"--smolvm-{name}" in text
        key = f"smolvm_{name.replace('-', '_')}"
        assert f"[ini: {key}, environment: {key.upper()}]" in text
    assert "--smolvm-ssh-password" not in text  # command lines are public
    assert "SMOLVM_SSH_PASSWORD" in text


def test_fixtures_and_marker_explain_themselves(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDS_A_GUEST)
    fixtures = pytester.runpytest_subprocess("--fixtures", "-q").stdout.str()
    markers = pytester.runpytest_subprocess("--markers").stdout.str()

    for name in (
        "windows_vm",
        "windows_vm_class",
        "windows_vm_module",
        "windows_vm_session",
        "windows_vm_factory",
        "windows_vm_spec",
    ):
        assert re.search(rf"^{name}\b.*\n +\S", fixtures, re.MULTILINE), name
    assert "@pytest.mark.windows_vm(image=None, env_vars=None, memory=None" in markers


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

    pytester.runpytest_subprocess("-p", "no:xdist", *options).assert_outcomes(passed=1)


NOISY = """
import threading

def test_captured(_smolvm, {capture}):
    thread = threading.Thread(target=lambda: [_smolvm.say(f"line {{n}}") for n in range(300)])
    thread.start()
    for n in range(300):
        print("of the test", flush=True)
    thread.join()
    assert {capture}.readouterr() == ("of the test\\n" * 300, "")
"""


@pytest.mark.parametrize("way", ["runpytest_subprocess", "runpytest_inprocess"])
@pytest.mark.parametrize(
    ("capture", "options", "name"),
    [("capsys", "", "smolvm"), ("capfd", "-s", "smolvm"), ("capfd", "-n1", "smolvm [gw0]")],
)
def test_lines_of_ours_and_captured_output_do_not_meet(
    pytester: pytest.Pytester, way: str, capture: str, options: str, name: str
) -> None:
    pytester.makepyfile(NOISY.format(capture=capture))

    result = getattr(pytester, way)(*options.split())

    result.assert_outcomes(passed=1)
    if (
        options != "-n1" or way == "runpytest_subprocess"
    ):  # else the worker has the stream that this test's pytest captures
        assert [f"{name}: line {n}" for n in range(300)] == [line for line in result.errlines if line]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], ["test_lines*.py .", "smolvm: one", "smolvm: two", "smolvm: three", ".*[[]100%[]]"]),
        (
            ["-v"],
            [
                "*::test_one PASSED*[[] 50%[]]",
                "*::test_two ",
                "smolvm: one",
                "smolvm: two",
                "smolvm: three",
                "PASSED*[[]100%[]]",
            ],
        ),
    ],
)
def test_lines_of_ours_are_lines_of_their_own(pytester: pytest.Pytester, options: list[str], lines: list[str]) -> None:
    pytester.makepyfile(
        test_lines="def test_one(): pass\ndef test_two(_smolvm):\n    for word in ('one', 'two', 'three'): _smolvm.say(word)\n"
    )

    # The command of a terminal: both streams in one.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)

    pytest.LineMatcher(run.stdout.splitlines()).fnmatch_lines(lines, consecutive=True)


def test_a_host_that_is_not_linux_skips(pytester: pytest.Pytester) -> None:
    # The outermost edge: there is no other system here to run this on.
    pytester.makeconftest("import platform\nplatform.system = lambda: 'Darwin'\n")
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("-rs", "--smolvm-image=x.qcow2")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*guests run on Linux hosts with x86-64 processors, not on Darwin*"])


def test_the_command_without_arguments_shows_its_usage() -> None:
    run = subprocess.run([sys.executable, "-m", "pytest_smolvm.cli.main"], capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert "usage: pytest-smolvm" in run.stderr
    assert textwrap.dedent("practice") in run.stderr or "COMMAND" in run.stderr
