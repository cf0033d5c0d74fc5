"""What a pytest user sees before any guest runs."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest

from pytest_smolvm.host.store import Store

NEEDS_A_GUEST = "def test_guest(windows_vm):\n    windows_vm.run('1')\n"
NEEDS_TWO_GUESTS = "def test_guests(windows_vm_factory):\n    windows_vm_factory(count=2)\n"


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


def test_a_test_may_set_path_for_its_own_purposes(pytester: pytest.Pytester) -> None:
    """What its guest runs on is found all the same, here so far that the image is missed."""
    pytester.makeconftest(
        "import pytest\n@pytest.fixture(autouse=True)\n"
        "def elsewhere(monkeypatch): monkeypatch.setenv('PATH', '/nowhere')\n"
    )
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("-q", "--smolvm-image=gone.qcow2")  # without the header, which looks first

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ImageError: there is no image at */gone.qcow2"])


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
    assert (
        "@pytest.mark.windows_vm(image=None, images=None, only=None, skip=None, env_vars=None, memory=None" in markers
    )


def test_the_end_of_a_run_makes_room_in_the_store(pytester: pytest.Pytester) -> None:
    old = Store.at(pytester.path / "store").templates / "old"
    old.mkdir()
    (old / "record.json").write_text('{"image": "x.qcow2", "layer": "app"}')
    for path in (*old.iterdir(), old):
        os.utime(path, (time.time() - 86400,) * 2)
    pytester.makepyfile("def test_it(_smolvm): assert _smolvm.pool")

    for limit, there in (("1", True), ("0", False)):
        result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", f"--smolvm-store-limit={limit}")
        result.assert_outcomes(passed=1)
        assert there == old.exists()
    result.stderr.fnmatch_lines(["smolvm: removed layer app (old), unused for 1.0 d: --smolvm-store-limit is 0 GiB"])


def test_a_host_that_is_not_linux_skips(pytester: pytest.Pytester) -> None:
    # The outermost edge: there is no other system here to run this on.
    pytester.makeconftest("import platform\nplatform.system = lambda: 'Darwin'\n")
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("-rs", "--smolvm-image=x.qcow2")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*guests run on Linux hosts with x86-64 processors, not on Darwin*"])


REQUIRED = """
def test_guest(windows_vm): pass
def test_plain(): pass
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "HostError: no Windows image is configured: give --smolvm-image=FILE.qcow2*"),
        (("--smolvm-image=x.qcow2",), "HostError: qemu-system-x86_64 is not installed*"),
    ],
)
@pytest.mark.parametrize("way", ["option", "ini", "variable"])
def test_where_guests_are_required_a_skip_is_an_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str, way: str
) -> None:
    monkeypatch.setenv("PATH", str(pytester.mkdir("empty")))
    if way == "ini":
        pytester.makeini("[pytest]\nsmolvm_require = yes\n")
    elif way == "variable":
        monkeypatch.setenv("SMOLVM_REQUIRE", "1")
    else:
        options = ("--smolvm-require", *options)
    pytester.makepyfile(REQUIRED)

    result = pytester.runpytest_subprocess(*options)

    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"*{said}"])


def test_relative_paths_stay_what_they_are_when_a_fixture_changes_the_directory(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import os, pytest\n@pytest.fixture(autouse=True, scope='session')\ndef away(tmp_path_factory):\n"
        "    os.chdir(tmp_path_factory.mktemp('away'))\n"
    )
    pytester.makepyfile(NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=gone.qcow2", "--smolvm-store=own")

    result.stdout.fnmatch_lines([f"*ImageError: there is no image at {pytester.path}/gone.qcow2"])
    assert (pytester.path / "own" / "runs").is_dir()


def test_an_image_in_the_ini_file_is_beside_it(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeini("[pytest]\nsmolvm_image = gone.qcow2\n")
    below = pytester.mkdir("below")
    (below / "test_it.py").write_text(NEEDS_A_GUEST)
    monkeypatch.chdir(below)

    result = pytester.runpytest_subprocess()

    result.stdout.fnmatch_lines([f"*ImageError: there is no image at {pytester.path}/gone.qcow2"])


@pytest.mark.parametrize(
    ("file", "text"), [("pytest.ini", "[pytest]\n"), ("pyproject.toml", "[tool.pytest.ini_options]\n")]
)
def test_a_configuration_that_an_option_without_its_sign_makes_pytest_pass_over_is_told(
    pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, file: str, text: str
) -> None:
    image = tmp_path_factory.mktemp("images") / "win11.qcow2"
    image.touch()
    (pytester.path / file).write_text(text)
    pytester.makepyfile("def test_it(): pass\n")

    said = f"smolvm: {pytester.path / file} is not read: *--smolvm-image=PATH"
    pytester.runpytest_subprocess("--smolvm-image", str(image)).stdout.fnmatch_lines([said])
    pytester.runpytest_subprocess(f"--smolvm-image={image}").stdout.no_fnmatch_line(said)


def test_the_password_is_in_no_report_of_a_failing_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOLVM_SSH_PASSWORD", "s3cr3t")
    pytester.makepyfile("import pytest\n@pytest.mark.windows_vm(memory=1)\n" + NEEDS_A_GUEST)

    result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", "--tb=long", "--showlocals", "--full-trace", "-vv")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*UsageError: memory=1 must be a whole number of MiB, at least 256"])
    assert "s3cr3t" not in result.stdout.str() + result.stderr.str()


SECRET_WANTS = """
import os, pytest

SECRET = os.environ["TOKEN"]

@pytest.fixture(scope="session")
def windows_vm_spec(): return {"env_vars": {"SUITE": SECRET}}

@pytest.mark.windows_vm(env_vars={"MARKED": SECRET})
def test_own(windows_vm): pass
def test_class(windows_vm_class): pass
def test_module(windows_vm_module): pass
def test_session(windows_vm_session): pass
def test_several(windows_vm_factory): windows_vm_factory(count=2, env_vars={"MADE": SECRET})
"""
SECRET_SLIP = """
import os, pytest

@pytest.mark.windows_vm(colour="red", env_vars={"MARKED": os.environ["TOKEN"]})
def test_slip(windows_vm): pass
"""


@pytest.mark.parametrize("options", [("--tb=long", "--showlocals", "-vv"), ()], ids=["everything", "default"])
def test_variables_for_guests_are_in_no_report_of_a_failing_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    pytester.makepyfile(test_wants=SECRET_WANTS, test_slip=SECRET_SLIP)
    options += ("-ra", "-s", "--junitxml=junit.xml", "--continue-on-collection-errors")

    result = pytester.runpytest_subprocess("--smolvm-image=x.qcow2", *options)

    result.assert_outcomes(failed=1, errors=5)
    result.stdout.fnmatch_lines(["*unknown keyword 'colour'*", "*ImageError: there is no image at */x.qcow2"])
    assert "s3cr3t" not in result.stdout.str() + result.stderr.str() + (pytester.path / "junit.xml").read_text()
