"""Traces and films of a run, without any guest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_smolvm.plugin.options import RETAIN
from tests.booted.conftest import tmpfs
from tests.plugin.stand_in import AGAIN, CONFTEST

RETAINED = ("--smolvm-trace=retain-on-failure", "--smolvm-video=retain-on-failure")
FILES = {"trace.html", "video.png"}
TOLD = r"-+ smolvm: evidence -+\n{}\n"
"""How a report names a directory."""


def run(pytester: pytest.Pytester, tests: str, *options: str, conftest: str = "") -> tuple[str, dict[str, Path]]:
    """What such a run prints, and the directories that it leaves, by the tests' names."""
    pytester.makeconftest(CONFTEST + conftest)
    pytester.makepyfile(test_it=tests)
    ended = pytester.runpytest_subprocess(f"--smolvm-store={pytester.path / 'store'}", *options)
    said = ended.stdout.str() + ended.stderr.str()
    assert [] == list(Path(pytester.path, "store", "runs").glob("*"))
    assert "INTERNALERROR" not in said
    places = (pytester.path / "test-results" / "smolvm").glob("*")
    return said, {place.name.removeprefix("test_it.py-"): place for place in places}


def data(place: Path) -> dict[str, Any]:
    (found,) = re.findall(r'id="data">(.*?)</script>', (place / "trace.html").read_text(encoding="utf-8"))
    shown: dict[str, Any] = json.loads(found)
    return shown


def steps(place: Path) -> list[str]:
    return [step["what"] for step in data(place)["steps"]]


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


@pytest.mark.parametrize("trace", RETAIN)
@pytest.mark.parametrize("video", RETAIN)
def test_what_is_left_is_what_was_asked_for(pytester: pytest.Pytester, trace: str, video: str) -> None:
    tests = "def test_good(guest): guest.run('1')\ndef test_bad(guest): assert False\n"

    _, places = run(pytester, tests, f"--smolvm-trace={trace}", f"--smolvm-video={video}")

    asked = {"trace.html": trace, "video.png": video}
    found = {test: FILES & names(place) for test, place in places.items()}
    assert {file for file, how in asked.items() if how != "off"} == found["test_bad"]
    assert {file for file, how in asked.items() if how == "on"} == found.get("test_good", set())
    assert not [place for place in places.values() if trace != "on" and video != "on" and place.name.endswith("good")]


def test_variables_say_so_too(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOLVM_VIDEO", "retain-on-failure")
    pytester.makeini("[pytest]\nsmolvm_trace = retain-on-failure\n")

    _, places = run(pytester, "def test(guest): assert False\n")

    assert FILES <= names(places["test"])


@pytest.mark.parametrize("wrong", ["--smolvm-trace=only-on-failure", "--smolvm-video=yes"])
def test_other_words_are_refused(pytester: pytest.Pytester, wrong: str) -> None:
    said, _ = run(pytester, "def test(): pass\n", wrong)

    assert f"ERROR: {wrong.partition('=')[0]}: {wrong.partition('=')[2]!r} is not one of off, on, " in said


@pytest.mark.parametrize(
    ("arguments", "failed"),
    [("guest, checked_after", "teardown"), ("guest, checked_before", "setup"), ("guest, failing", "call")],
)
def test_a_failure_anywhere_leaves_all_steps(pytester: pytest.Pytester, arguments: str, failed: str) -> None:
    """Also those of the teardown, after which the page is written again."""
    conftest = """
@pytest.fixture
def failing(guest):
    yield True
    guest.run("tidy up")
"""
    body = "guest.run('in the test'); guest.screen.click(200, 1)"

    _, places = run(
        pytester,
        f"def test({arguments}): {body}; assert {'not failing' if failed == 'call' else 'True'}\n",
        *RETAINED,
        conftest=conftest,
    )

    told = ["tidy up"] if failed == "call" else []
    inside = [] if failed == "setup" else ["in the test", "vm.screen.click(200, 1)"]
    assert [*inside, *told] == [what for what in steps(places["test"]) if not what.startswith("login")]
    phases = {phase["when"]: phase["outcome"] for phase in data(places["test"])["phases"]}
    assert "failed" == phases[failed]
    assert "teardown" in phases
    assert "video.png" in names(places["test"])


@pytest.mark.parametrize("option", ["trace=on", "video=on", "screenshot=on"])
@pytest.mark.parametrize("arguments", ["guest, checked_after", "checked_after, guest", "shared, checked_after"])
def test_a_test_that_passes_and_fails_afterwards_leaves_what_a_failed_one_does(
    pytester: pytest.Pytester, option: str, arguments: str
) -> None:
    tests = f"def test({arguments}): pass\n"
    tests += "def test_two(shared): pass\n" * arguments.startswith("shared")  # with it the guest lives on

    said, places = run(pytester, tests, f"--smolvm-{option}")

    also = "events.txt" if arguments.startswith("shared") else "missing.txt"
    assert {"screen.png", "runs.txt", "guest.json", also} <= names(places["test"])
    assert re.search(TOLD.format(re.escape(str(places["test"]))), said)
    if option == "trace=on":
        assert ["passed", "passed", "failed"] == [phase["outcome"] for phase in data(places["test"])["phases"]]


def test_a_test_that_fails_twice_names_its_directory_twice(pytester: pytest.Pytester) -> None:
    said, places = run(pytester, "def test(checked_after, guest): assert False\n")

    assert 2 == len(re.findall(TOLD.format(re.escape(str(places["test"]))), said))


def test_of_many_guests_that_have_ended_each_has_its_own_directory(pytester: pytest.Pytester) -> None:
    tests = "def test(checked_after, factory):\n    for number, guest in enumerate(factory(11), 1): guest.run(f'in {number}')\n"

    _, places = run(pytester, tests, *RETAINED)

    for number in range(2, 12):
        assert f"> in {number}\n" in (places["test"] / f"guest-{number}" / "runs.txt").read_text(encoding="utf-8")


def test_of_a_shared_guest_each_test_has_its_own_steps(pytester: pytest.Pytester) -> None:
    tests = (
        "def test_one(shared): shared.run('first'); assert False\n"
        "def test_two(shared): shared.run('second')\n"
        "def test_three(shared): shared.run('third'); assert False\n"
    )

    _, places = run(pytester, tests, *RETAINED)

    assert [["first"], ["third"]] == [steps(places[name]) for name in ("test_one", "test_three")]
    assert "test_two" not in places


def test_each_attempt_has_its_own(pytester: pytest.Pytester) -> None:
    tests = (
        "from itertools import count\nnumber = count()\ndef test(guest): guest.run(f'{next(number)}'); assert False\n"
    )

    _, places = run(pytester, tests, *RETAINED, conftest=AGAIN)

    assert {"test": ["0"], "test~2": ["1"]} == {name: steps(place) for name, place in places.items()}


def test_each_attempt_of_rerunfailures_has_its_own(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_rerunfailures")
    tests = (
        "from itertools import count\nnumber = count()\ndef test(guest): guest.run(f'{next(number)}'); assert False\n"
    )

    said, places = run(pytester, tests, *RETAINED, "--reruns=2")

    assert "1 failed, 2 rerun" in said
    assert {"test": ["0"], "test~2": ["1"], "test~3": ["2"]} == {name: steps(place) for name, place in places.items()}


def test_workers_leave_theirs_and_of_a_killed_one_it_is_said_why_not(pytester: pytest.Pytester) -> None:
    tests = (
        "import os, signal\n"
        "def test_one(guest): assert False\n"
        "def test_two(guest): os.kill(os.getpid(), signal.SIGKILL)\n"
        "def test_three(guest, smolvm_artifacts):\n"
        "    (smolvm_artifacts / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    said, places = run(pytester, tests, *RETAINED, "-n2", "--smolvm-image=x.qcow2")

    assert FILES <= names(places["test_one"])
    assert "3 failed" in said
    assert "worker 'gw" in said
    assert "none: the worker was killed while the test ran" in said
    assert "test_two" not in places
    assert {"half", "missing.txt"} == names(places["test_three"])
    assert f"{places['test_three']}\nhalf, missing.txt\nmissing: the worker was killed" in said


@pytest.mark.parametrize("own", ["", "(smolvm_artifacts / 'half').touch();"])
def test_of_a_later_attempt_that_was_killed_it_is_said_in_its_own_directory(
    pytester: pytest.Pytester, own: str
) -> None:
    tests = f"""
import os, signal
from itertools import count
number = count()
def test(guest, request):
    if next(number):
        {own.replace("smolvm_artifacts", "request.getfixturevalue('smolvm_artifacts')")} os.kill(os.getpid(), signal.SIGKILL)
    assert False
"""

    said, places = run(pytester, tests, "-n1", "--smolvm-image=x.qcow2", conftest=AGAIN)

    assert "missing.txt" not in names(places["test"])
    if own:
        assert {"half", "missing.txt"} == names(places["test~2"])
        assert f"{places['test~2']}\nhalf, missing.txt\nmissing: the worker was killed" in said
    else:
        assert ["test"] == [*places]
        assert "none: the worker was killed while the test ran" in said


def test_of_a_dead_guest_there_is_what_there_was(pytester: pytest.Pytester) -> None:
    tests = (
        "import time\ndef test(guest):\n    guest.screen.click(9, 9)\n    guest.screen.dead = 'QEMU ended with -9'\n"
        "    guest.screen.click(1, 1)\n    assert False\n"
    )

    said, places = run(pytester, tests, *RETAINED)

    shown = data(places["test"])
    assert {"trace.html", "video.png"} <= names(places["test"])
    assert ["screen.png: QEMU ended with -9", "events.txt: QEMU ended with -9"] == shown["guests"][0]["missing"]
    click = shown["steps"][-1]
    assert "QEMU ended with -9" == click["no_after"]
    assert "missing: screen.png: QEMU ended with -9" in said


def test_of_a_guest_that_was_never_seen_there_is_no_film(pytester: pytest.Pytester) -> None:
    conftest = "\nScreen.dead = 'QEMU ended with 1'\n"

    said, places = run(pytester, "def test(guest): assert False\n", *RETAINED, conftest=conftest)

    assert "video.png" not in names(places["test"])
    assert "missing: video.png: QEMU ended with 1" in said
    assert "video.png: QEMU ended with 1" in data(places["test"])["guests"][0]["missing"]


def test_nothing_of_ours_runs_when_a_guest_is_gone(pytester: pytest.Pytester) -> None:
    conftest = """
import threading
def pytest_sessionfinish():
    print("THREADS", sorted(each.name for each in threading.enumerate() if "smolvm" in each.name))
"""

    said, _ = run(pytester, "def test(guest): guest.screen.click(1, 1)\n", *RETAINED, "-s", conftest=conftest)

    assert "THREADS []" in said


def test_junit_has_the_paths(pytester: pytest.Pytester) -> None:
    _, places = run(pytester, "def test(guest): assert False\n", *RETAINED, "--junitxml=j.xml")

    properties = {
        each.get("name"): each.get("value") for each in ElementTree.parse(pytester.path / "j.xml").iter("property")
    }
    assert {
        "smolvm_artifacts": str(places["test"]),
        "smolvm_trace": str(places["test"] / "trace.html"),
        "smolvm_video": str(places["test"] / "video.png"),
    } == properties


def test_a_directory_that_cannot_be_written_is_one_warning(pytester: pytest.Pytester) -> None:
    (pytester.path / "file").touch()
    tests = "def test_one(guest): assert False\ndef test_two(guest): assert False\ndef test_good(guest): pass\n"

    said, _ = run(pytester, tests, *RETAINED, f"--smolvm-artifacts={pytester.path / 'file'}")

    assert 1 == said.count("smolvm: warning: what failed tests leave cannot be kept: --smolvm-artifacts: ")
    assert "2 failed, 1 passed" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system takes root")
def test_a_directory_that_is_full_changes_no_outcome(pytester: pytest.Pytester) -> None:
    tests = (
        "def test_one(guest): guest.run('x', 'y' * 200_000); assert False\n"
        "def test_two(guest): assert False\ndef test_good(guest): pass\n"
    )
    with tmpfs(pytester.path / "small", 1) as place:
        (place / "filled").write_bytes(bytes((1 << 20) - 16 * 1024))

        said, _ = run(pytester, tests, *RETAINED, f"--smolvm-artifacts={place}")

    assert "2 failed, 1 passed" in said
    assert "No space left on device" in said
    assert said.count("smolvm: warning: ") <= 1


HTML = """
from types import ModuleType
html = ModuleType("html")
html.extras = ModuleType("extras")  # pytest-html's, as far as it is used
html.extras.url = lambda content, name: {"name": name, "format_type": "url", "content": content}
html.extras.png = lambda content, name: {"name": name, "format_type": "image", "content": content}

def pytest_addoption(parser):
    parser.addoption("--html", dest="htmlpath")

def pytest_configure(config):
    config.pluginmanager.register(html, "html")

def pytest_runtest_logreport(report):
    for extra in getattr(report, "extras", []):
        print("EXTRA", extra["name"], extra["content"])
"""


def test_a_page_of_pytest_html_links_to_what_is_left(pytester: pytest.Pytester) -> None:
    said, _ = run(pytester, "def test(guest): assert False\n", *RETAINED, "-s", "--html=out/page.html", conftest=HTML)

    place = "../test-results/smolvm/test_it.py-test"
    assert [
        f"EXTRA smolvm {place}",
        f"EXTRA trace {place}/trace.html",
        f"EXTRA video {place}/video.png",
        "EXTRA screen UE5H",
    ] == re.findall(r"EXTRA .*", said)


@pytest.mark.parametrize("gone", [False, True])
def test_these_links_hold_where_a_test_has_changed_the_directory_or_removed_it(
    pytester: pytest.Pytester, gone: bool
) -> None:
    tests = (
        "def test(monkeypatch, tmp_path, guest):\n"
        f"    monkeypatch.chdir(tmp_path)\n    {'tmp_path.rmdir()' if gone else ''}\n    assert False\n"
    )

    said, _ = run(pytester, tests, "-s", "--html=page.html", conftest=HTML)

    assert "1 failed" in said
    assert "EXTRA smolvm test-results/smolvm/test_it.py-test" in said


def test_a_picture_that_cannot_be_read_changes_no_outcome(pytester: pytest.Pytester) -> None:
    tests = "def test(guest):\n    guest.screen.save = lambda path, timeout: path.mkdir()\n    assert False\n"

    said, _ = run(pytester, tests, "--html=page.html", conftest=HTML)

    assert "1 failed" in said
