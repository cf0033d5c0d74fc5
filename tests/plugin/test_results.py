"""What failed tests leave to look at, without any guest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.plugin.stand_in import AGAIN, CONFTEST

ALL = {"screen.png", "runs.txt", "guest.json", "events.txt"}


def run(pytester: pytest.Pytester, tests: str, *options: str, conftest: str = "") -> tuple[str, dict[str, set[str]]]:
    """What such a run prints, and the directories that it leaves with the files in them."""
    pytester.makeconftest(CONFTEST + conftest)
    pytester.makepyfile(test_it=tests)
    said = pytester.runpytest_subprocess(f"--smolvm-store={pytester.path / 'store'}", *options).stdout.str()
    assert [] == list(Path(pytester.path, "store", "runs").glob("*"))
    results = pytester.path / "test-results" / "smolvm"
    return said, {
        place.name: {str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()}
        for place in results.glob("*")
    }


@pytest.mark.parametrize(
    "arguments",
    ["guest, checked_after", "checked_after, guest", "guest, checked_before", "guest, failing", "shared, failing"],
)
def test_a_failure_in_setup_call_or_teardown_leaves_all(pytester: pytest.Pytester, arguments: str) -> None:
    """Before the test, in it, after it; also when its guest has ended before."""
    conftest = "\n@pytest.fixture\ndef failing(): return True\n"

    said, found = run(
        pytester,
        f"def test({arguments}): assert {'not failing' if 'failing' in arguments else 'True'}\n",
        conftest=conftest,
    )

    ended = "checked_after" in arguments
    assert {"test_it.py-test": ALL - {"events.txt"} | {"missing.txt"} if ended else ALL} == found
    assert re.search(r"-+ smolvm: evidence -+\n.*/test-results/smolvm/test_it.py-test\n", said)


def test_an_action_on_the_desktop_that_failed_leaves_its_picture(pytester: pytest.Pytester) -> None:
    tests = """
class Failure:
    def save(self, path): path.write_bytes(b"PNG")
def test(guest):
    guest.desktop.failure = Failure()
    assert False
"""

    assert {"test_it.py-test": {*ALL, "desktop.png"}} == run(pytester, tests)[1]


def test_a_picture_of_an_action_that_failed_in_an_earlier_test_is_not_taken_for_one_of_this(
    pytester: pytest.Pytester,
) -> None:
    tests = """
def test_expects_it(shared): shared.desktop.failure = "kept"
def test_next(shared): assert shared.desktop.failure is not None
"""

    assert {"test_it.py-test_next": ALL} == run(pytester, tests)[1]


def test_a_test_that_passes_leaves_nothing(pytester: pytest.Pytester) -> None:
    assert {} == run(pytester, "def test(guest): pass\ndef test_without(): assert False\n")[1]


@pytest.mark.parametrize(("screenshot", "good"), [("on", [{"test_it.py-test_good"}]), ("off", [])])
def test_pictures_are_taken_as_is_said(pytester: pytest.Pytester, screenshot: str, good: list[set[str]]) -> None:
    tests = "def test_good(guest): pass\ndef test_bad(guest): assert False\n"

    said, found = run(pytester, tests, f"--smolvm-screenshot={screenshot}")

    assert {"test_it.py-test_bad"}.union(*good) == set(found)
    assert all((screenshot == "on") == ("screen.png" in files) for files in found.values())
    assert 1 == said.count("smolvm: evidence")


def test_junit_has_the_path(pytester: pytest.Pytester) -> None:
    run(pytester, "def test(guest): assert False\ndef test_end(guest, checked_after): pass\n", "--junitxml=j.xml")

    properties = ElementTree.parse(pytester.path / "j.xml").iter("property")
    results = pytester.path / "test-results" / "smolvm"
    assert [str(results / f"test_it.py-{name}") for name in ("test", "test_end")] == [
        each.get("value") for each in properties if each.get("name") == "smolvm_artifacts"
    ]


def test_workers_leave_theirs(pytester: pytest.Pytester) -> None:
    tests = "def test_one(guest): assert False\ndef test_two(guest): assert False\n"

    said, found = run(pytester, tests, "-n2")

    assert {"test_it.py-test_one": ALL, "test_it.py-test_two": ALL} == found
    assert 2 == said.count("smolvm: evidence")


def test_each_attempt_has_its_own(pytester: pytest.Pytester) -> None:
    assert {"test_it.py-test", "test_it.py-test~2"} == set(
        run(pytester, "def test(guest): assert False\n", conftest=AGAIN)[1]
    )


def test_a_test_that_runs_again_is_rid_of_what_it_left(pytester: pytest.Pytester) -> None:
    """Others are not."""
    _, before = run(pytester, "def test_one(guest): assert False\n", conftest=AGAIN)
    assert {"test_it.py-test_one", "test_it.py-test_one~2"} == set(before)

    tests = "def test_one(guest): pass\ndef test_two(guest): assert False\n"
    assert {"test_it.py-test_one", "test_it.py-test_one~2", "test_it.py-test_two"} == set(
        run(pytester, tests, "-k", "two")[1]
    )
    assert {"test_it.py-test_two"} == set(run(pytester, tests, "-k", "one")[1])


def test_what_is_missing_is_told_with_the_reason(pytester: pytest.Pytester) -> None:
    said, found = run(pytester, "def test(guest): guest.screen.dead = 'QEMU ended with -9'; assert False\n")

    assert {"test_it.py-test": ALL - {"screen.png", "events.txt"} | {"missing.txt"}} == found
    assert "missing: screen.png: QEMU ended with -9" in said


def test_an_error_with_half_a_character_changes_no_outcome(pytester: pytest.Pytester) -> None:
    said, found = run(pytester, "def test(guest): guest.screen.dead = 'no \\ud83d'; assert False\n")

    assert "1 failed" in said
    assert "missing.txt" in found["test_it.py-test"]


def test_a_guest_that_does_not_answer_is_not_waited_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOLVM_TIMEOUT_SCALE", "0.02")
    tests = "import threading\ndef test(guest):\n    guest.answer = threading.Event().wait\n    assert False\n"

    said, found = run(pytester, tests)

    assert {"test_it.py-test": ALL - {"events.txt"} | {"missing.txt"}} == found
    assert "missing: events.txt: the guest's event logs: not within 0.6 s" in said


@pytest.mark.parametrize(
    ("answer", "why"), [("b'\\x1e{}'", "KeyError: 'unread'"), ("1 / 0", "ZeroDivisionError: division by zero")]
)
def test_an_odd_answer_is_no_other_test_s_failure(pytester: pytest.Pytester, answer: str, why: str) -> None:
    tests = f"def test(guest):\n    guest.answer = lambda: {answer}\n    assert False\ndef test_next(guest): pass\n"

    said, _ = run(pytester, tests, "-Werror")

    assert f"missing: events.txt: {why}" in said
    assert "1 failed, 1 passed" in said


def test_residents_that_were_lost_are_not_the_reason_to_ask_for_nothing(pytester: pytest.Pytester) -> None:
    """That they were lost is said by a warning, which may be an error."""
    tests = """
import warnings
from itertools import count
from pytest_smolvm import ResidentLostWarning
def test(guest):
    times = count()
    def answer():
        if next(times) == 0:
            warnings.warn("it was lost", ResidentLostWarning)
        return b'\\x1e{"unread": [], "events": []}'
    guest.answer = answer
    assert False
"""

    _, found = run(pytester, tests, "-Werror")

    assert {"test_it.py-test": ALL} == found


def test_what_we_ask_a_guest_is_not_what_its_tests_have_run(pytester: pytest.Pytester) -> None:
    tests = """
def test_one(shared): assert False
def test_two(shared): assert ["login hunter22 t0ken"] == [past.command for past in shared.history]
"""

    assert "1 failed, 1 passed" in run(pytester, tests)[0]


@pytest.mark.parametrize("phase", ["guest", "guest, checked_after"])
def test_a_directory_that_cannot_be_written(pytester: pytest.Pytester, phase: str) -> None:
    (pytester.path / "file").touch()

    said, found = run(pytester, f"def test({phase}): assert False\n", f"--smolvm-artifacts={pytester.path / 'file'}")

    assert {} == found
    assert "none could be kept: --smolvm-artifacts: " in said
    assert "file cannot be written: Not a directory" in said
    assert "1 failed" in said
    assert "INTERNALERROR" not in said


def test_secrets_are_left_out(pytester: pytest.Pytester) -> None:
    run(pytester, "def test(guest): assert False\n")

    place = pytester.path / "test-results" / "smolvm" / "test_it.py-test"
    assert "> login *** ***\n" in (place / "runs.txt").read_text(encoding="utf-8")
    assert {"hunter22", "t0ken"}.isdisjoint(re.findall(r"\w+", (place / "guest.json").read_text(encoding="utf-8")))
    facts = json.loads((place / "guest.json").read_text(encoding="utf-8"))
    assert ("x.qcow2", "app") == (facts["image"], facts["layer"])


def test_a_test_may_keep_files_of_its_own(pytester: pytest.Pytester) -> None:
    tests = (
        "def test_good(smolvm_artifacts): (smolvm_artifacts / 'mine').touch()\n"
        "def test_bad(guest, smolvm_artifacts): (smolvm_artifacts / 'mine').touch(); assert False\n"
    )

    _, found = run(pytester, tests)

    assert {"test_it.py-test_good": {"mine"}, "test_it.py-test_bad": ALL | {"mine"}} == found


def test_the_fixture_says_what_is_wrong_with_its_directory(pytester: pytest.Pytester) -> None:
    (pytester.path / "file").touch()

    said, _ = run(pytester, "def test(smolvm_artifacts): pass\n", f"--smolvm-artifacts={pytester.path / 'file'}")

    assert "UsageError: --smolvm-artifacts: " in said
