"""One test over many images, as a pytest user sees it. Guests are stand-ins: a fixture of the same name."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

TABLE = """
[pytest]
markers = slow: takes long
smolvm_images =
    win10 = win10.qcow2 tags=client
    srv22 = srv22.qcow2 tags=server,core user=Administrator password=$SRV_PASSWORD
    srv19 = srv19.qcow2 tags=server
"""
GUESTS = """
import pytest

@pytest.fixture
def windows_vm(smolvm_image):
    return smolvm_image

@pytest.fixture(scope="module")
def windows_vm_module(smolvm_image, worker_id):
    with open("started.txt", "a") as file:
        file.write(f"module {smolvm_image} {worker_id}\\n")
    return smolvm_image

@pytest.fixture(scope="session")
def windows_vm_session(smolvm_image, worker_id):
    with open("started.txt", "a") as file:
        file.write(f"session {smolvm_image} {worker_id}\\n")
    return smolvm_image
"""
SUITE = """
import pytest

@pytest.mark.windows_vm(images="all")
class TestAll:
    def test_every(self, windows_vm): assert windows_vm != "srv22"
    @pytest.mark.windows_vm(skip="srv19", memory=2048)
    def test_but_one(self, windows_vm): pass
    @pytest.mark.windows_vm(only=["tag:server"])
    @pytest.mark.parametrize("number", [1, 2])
    def test_servers(self, windows_vm, number): pass

@pytest.mark.windows_vm(images=["srv22", "win10"])
def test_two(windows_vm): pass
@pytest.mark.windows_vm(images=["tag:core"])
def test_one(windows_vm): pass
@pytest.mark.windows_vm(image="srv19")
def test_named(windows_vm): assert windows_vm == "win10"  # the fixture takes the marker's; a stand-in knows nothing of it
def test_default(windows_vm): assert windows_vm == "win10"
@pytest.mark.windows_vm(only="srv22")
def test_nowhere(windows_vm): pass
def test_no_guest(): pass
"""
ALL = [
    "TestAll::test_every[win10]",
    "TestAll::test_every[srv22]",
    "TestAll::test_every[srv19]",
    "TestAll::test_but_one[win10]",
    "TestAll::test_but_one[srv22]",
    "TestAll::test_servers[srv22-1]",
    "TestAll::test_servers[srv22-2]",
    "TestAll::test_servers[srv19-1]",
    "TestAll::test_servers[srv19-2]",
    "test_two[srv22]",
    "test_two[win10]",
    "test_one[srv22]",
    "test_named",
    "test_default",
    "test_nowhere[no-image]",
    "test_no_guest",
]
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Runs pytest on the suite with stand-ins for guests."""
    pytester.makeini(TABLE)
    pytester.makeconftest(GUESTS)
    pytester.makepyfile(test_it=SUITE)
    return pytester.runpytest_subprocess


def names(result: pytest.RunResult) -> list[str]:
    """The tests that were collected, in their order."""
    return [line.partition("::")[2] for line in result.outlines if line.startswith("test_") and "::" in line]


def test_markers_say_what_a_test_runs_on(run: Run) -> None:
    collected = names(run("--collect-only", "-q"))

    assert sorted(ALL) == sorted(collected)
    images = [found.group(1) for name in collected if (found := re.search(r"\[(\w+)", name))]
    assert 3 == sum(before != after for before, after in zip(["", *images], images, strict=False) if after != "no")


def test_a_run_may_be_restricted_to_images(run: Run) -> None:
    only = names(run("--collect-only", "-q", "--smolvm-only=srv19"))
    assert {name for name in ALL if "srv19" in name} | {"test_nowhere[no-image]", "test_named", "test_no_guest"} == set(
        only
    )

    tagged = run("--collect-only", "-q", "--smolvm-only=tag:core", "--smolvm-only=srv19")
    assert {name for name in ALL if "srv" in name} | {"test_nowhere[no-image]", "test_named", "test_no_guest"} == set(
        names(tagged)
    )
    run("--smolvm-only=tag:sever").stderr.fnmatch_lines(
        ["*no image has the tag 'sever'; tags are client, core, server"]
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["-k", "srv22 and not test_servers"],
            {"TestAll::test_every", "TestAll::test_but_one", "test_two", "test_one"},
        ),
        (["-k", "test_two"], {"test_two"}),
        (
            ["test_it.py::test_two[srv22]", "test_it.py::TestAll::test_every[srv22]"],
            {"test_two", "TestAll::test_every"},
        ),
        (["test_it.py::test_two", "--deselect=test_it.py::test_two[win10]"], {"test_two"}),
    ],
)
def test_tests_are_chosen_as_ever(run: Run, words: list[str], expected: set[str]) -> None:
    chosen = names(run("--collect-only", "-q", "-p", "no:randomly", *words))

    assert {f"{name}[srv22]" for name in expected} <= set(chosen)
    assert expected == {name.partition("[")[0] for name in chosen}


def test_the_end_of_a_run_says_what_came_of_each_test_on_each_image(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESULTS", "results")

    result = run("--junitxml=$RESULTS/junit.xml")

    result.assert_outcomes(passed=14, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*= tests by image =*",
            " *win10 *srv22 *srv19",
            "test_it.py::TestAll::test_every * passed * failed *passed",
            "test_it.py::TestAll::test_but_one *passed *passed * -",
            "test_it.py::TestAll::test_servers[[]1] * - *passed * passed",
            "* tests * passed * passed, 1 failed * passed",
        ]
    )
    suite = ElementTree.parse(pytester.path / "results/junit.xml").getroot()[0]
    found = {node.get("name"): node.get("value") for node in suite.findall("./properties/property")}
    assert "5 passed, 1 failed" == found["smolvm_image:srv22"]
    (case,) = [case for case in suite.iter("testcase") if case.get("name") == "test_two[win10]"]
    assert ["win10"] == [node.get("value") for node in case.iter("property")]

    failed = run("--lf", "-q")
    failed.assert_outcomes(failed=1)
    failed.stdout.no_fnmatch_line("*tests by image*")


def test_many_cases_make_a_short_table(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest
        @pytest.mark.windows_vm(images=["win10", "srv22"])
        @pytest.mark.parametrize("number", range(200))
        def test_many(windows_vm, number): assert (windows_vm, number) != ("srv22", 77)
        """
    )

    result = run("-q")

    result.assert_outcomes(passed=399, failed=1)
    assert ["test_it.py::test_many[77]", "199 more, all well", "200 tests"] == [
        re.split(r"  +", line)[0] for line in result.outlines[result.outlines.index(_title(result)) + 2 :][:3]
    ]


def _title(result: pytest.RunResult) -> str:
    return next(line for line in result.outlines if " tests by image " in line)


SHARING = """
import pytest

@pytest.mark.windows_vm(images=["{first}", "{second}"])
def test_shared(windows_vm_module, windows_vm_session): pass
@pytest.mark.windows_vm(images=["{second}"])
def test_one(windows_vm_session): pass
@pytest.mark.windows_vm(images="all")
def test_more(windows_vm_session): pass
"""


@pytest.mark.parametrize("words", [(), ("-n2", "--dist=loadgroup")], ids=["alone", "two workers"])
def test_guests_of_an_image_start_as_few_times_as_possible(
    run: Run, pytester: pytest.Pytester, words: list[str]
) -> None:
    """Though each test names its images in another order."""
    pytester.makepyfile(
        test_it=SHARING.format(first="win10", second="srv22"), test_other=SHARING.format(first="srv22", second="win10")
    )

    run("-p", "no:randomly", *words).assert_outcomes(passed=12)

    started = [line.split() for line in (pytester.path / "started.txt").read_text().splitlines()]
    assert ["srv19", "srv22", "win10"] == sorted(image for scope, image, _ in started if scope == "session")
    assert ["srv22", "srv22", "win10", "win10"] == sorted(image for scope, image, _ in started if scope == "module")


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("images='win11'", "no image is called 'win11'; there are win10, srv22, srv19"),
        ("images='tag:sever'", "no image has the tag 'sever'; tags are client, core, server"),
        ("only='tag:sever'", "only: no image has the tag 'sever'*"),
        ("images='all', image='win10'", "give image or images, not both"),
        ("images=[]", "give names of images, 'all', or 'tag:NAME', not *"),
    ],
)
def test_a_marker_that_means_no_image_is_an_error_of_its_file(
    run: Run, pytester: pytest.Pytester, mark: str, said: str
) -> None:
    pytester.makepyfile(test_it=f"import pytest\n@pytest.mark.windows_vm({mark})\ndef test_it(windows_vm): pass\n")

    result = run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*UsageError: marker windows_vm of test_it.py::test_it: {said}"])


@pytest.mark.parametrize("line", ["    win10 = other.qcow2", "    win11 = a.qcow2 colour=red"])
def test_a_table_that_makes_no_sense_ends_the_run_at_once(run: Run, pytester: pytest.Pytester, line: str) -> None:
    pytester.makeini(f"{TABLE}{line}\n")

    result = run()

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["ERROR: smolvm_images: *"])


ABSENT = """
import pytest
@pytest.mark.windows_vm(images=["win10", "srv22"])
def test_it(windows_vm): pass
def test_many(windows_vm_factory): windows_vm_factory(images="all")
"""


def test_an_image_that_is_not_there_skips_its_cases_only(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini(TABLE)
    pytester.makepyfile(ABSENT)
    (pytester.path / "srv22.qcow2").touch()

    for password, said in (("", "*password of the image srv22 *variable SRV_PASSWORD, which is not set"), ("x", "*")):
        monkeypatch.setenv("SRV_PASSWORD", password)
        result = pytester.runpytest_subprocess("-rs")
        result.assert_outcomes(skipped=1, errors=1, failed=1)
        result.stdout.fnmatch_lines(["*the image win10 is not on this host: there is no */win10.qcow2"])
        result.stdout.fnmatch_lines(
            [f"E * pytest_smolvm.errors.{'UsageError' if not password else 'ImageError'}: {said}"]
        )
        result.stdout.fnmatch_lines(["*windows_vm_factory: images is for markers; give image=NAME"])

    pytester.runpytest_subprocess("--smolvm-require").assert_outcomes(errors=2, failed=1)


REMOVED = """
import pytest
from pathlib import Path

def pytest_collection_finish(session):
    Path("win10.qcow2").unlink(missing_ok=True)
"""


@pytest.mark.parametrize(("words", "expected"), [((), {"skipped": 1}), (("--smolvm-require",), {"errors": 1})])
def test_an_image_that_is_removed_between_collection_and_test_is_not_there(
    pytester: pytest.Pytester, words: tuple[str, ...], expected: dict[str, int]
) -> None:
    pytester.makeini(TABLE)
    pytester.makeconftest(REMOVED)
    pytester.makepyfile("import pytest\n@pytest.mark.windows_vm(images='win10')\ndef test_it(windows_vm): pass\n")
    (pytester.path / "win10.qcow2").touch()

    result = pytester.runpytest_subprocess("-rs", *words)

    result.assert_outcomes(**expected)
    result.stdout.fnmatch_lines(["*the image win10 is not on this host: there is no */win10.qcow2"])


def test_what_the_table_says_of_an_image_reaches_its_guests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRV_PASSWORD", "s3cr3t")
    monkeypatch.setenv("SMOLVM_SSH_USER", "tester")
    pytester.makeini(TABLE.replace("user=", "memory=2048 firmware=secure-boot user="))
    (pytester.path / "srv22.qcow2").touch()
    pytester.makepyfile(
        """
        def test_spec(_smolvm):
            spec = _smolvm.spec("srv22", {}, {"memory": 512})
            assert (spec.ssh_user, spec.ssh_password, spec.secure_boot) == ("Administrator", "s3cr3t", True)
            assert (spec.memory, _smolvm.spec("srv22", {}, {}).memory) == (512, 2048)
        def test_shown(_smolvm):
            spec = _smolvm.spec("srv22", {"memory": 1}, {})
        """
    )

    result = pytester.runpytest_subprocess("--showlocals", "-vv")

    result.assert_outcomes(passed=1, failed=1)
    assert "s3cr3t" not in result.stdout.str()
