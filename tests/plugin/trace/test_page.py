"""The page that shows what a test did: what is in it, and that a browser shows it with nothing else at hand."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.guest.commands.history import History
from pytest_smolvm.guest.commands.output import Output, RunResult
from pytest_smolvm.guest.screen.album import Album
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.trail import AROUND, Deed, Trail
from pytest_smolvm.plugin.trace import page
from pytest_smolvm.plugin.trace.page import Part, Phase
from pytest_smolvm.plugin.trace.recorder import Recorder
from tests import browser

HOSTILE = "</script><script>document.title='broken'</script><!--<script> &amp; \u2028 \ud83d \0"
SHADE = b"P6\n8 6\n255\n"


class Recorded:
    """A guest's trail that is recorded; its screen has one colour."""

    def __init__(self, tmp_path: Path) -> None:
        self.trail, self.shade = Trail(), 0
        self.recorder = Recorder(Album(lambda: SHADE + bytes([self.shade] * 8 * 6 * 3)))
        self.history = History(self.trail)
        self.place = tmp_path / "left"
        self.place.mkdir(exist_ok=True)

    def act(self, what: str, shade: int, **noted: object) -> None:
        with self.trail.listening(self.recorder), self.trail.step("desktop", what, AROUND):
            self.shade = shade
            self.trail.note(**noted)

    def run(self, script: str, result: RunResult) -> None:
        with self.trail.listening(self.recorder):
            self.history.of(script, "powershell", lambda: result)

    def written(self, mask: Callable[[str], str] = str, **more: Any) -> Path:
        path = self.place / "trace.html"
        phases = [Phase("setup", "passed", ""), Phase("call", "failed", more.pop("error", "E  assert 1 == 2"))]
        page.write(path, more.pop("test", "test_it.py::test"), phases, [Part(self.place, self.recorder, mask, **more)])
        self.recorder.album.close()
        return path


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def data(path: Path) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    shown: dict[str, Any] = json.loads(found)
    return shown


def test_a_run_is_shown_with_its_script_and_output(recorded: Recorded) -> None:
    recorded.run("Get-Thing\nexit 3", RunResult("out\n", "err\n", 3, 0.1, "it"))

    (step,) = data(recorded.written())["steps"]
    assert ("run", "exit code 3", "powershell") == (step["kind"], step["ending"], step["shell"])
    assert [["script", "Get-Thing\nexit 3"], ["output", "out\n"], ["error output", "err\n"]] == step["texts"]
    assert abs(step["began"] - time.time()) < 60


def test_of_a_gigabyte_of_output_the_ends_are_shown(recorded: Recorded) -> None:
    """On disk it is one, in memory it never is."""
    output = Output()
    for _ in range(1024):
        output.write(b"x" * (1 << 20))
    recorded.run("type big", RunResult(output, "", 0, 0.1, "type big"))

    path = recorded.written()

    assert path.stat().st_size < 200_000
    assert "bytes are left out" in data(path)["steps"][0]["texts"][1][1]


def test_an_action_has_pictures_a_place_and_a_tree(recorded: Recorded) -> None:
    control = SimpleNamespace(text="OK", rectangle=Region(1, 2, 3, 4))
    recorded.act("click()", 200, control=control, window="- Window", by="Invoke")
    recorded.act("press()", 200)

    shown = data(recorded.written())

    first, second = shown["steps"]
    assert [1, 2, 3, 4] == first["mark"]
    assert [["done by", "Invoke"], ["window", "- Window"]] == first["texts"]
    assert first["before"] != first["after"] == second["before"] == second["after"]
    assert 2 == len(shown["pictures"])
    assert all(url.startswith("data:image/png;base64,iVBOR") for url in shown["pictures"].values())


def test_of_a_picture_that_could_not_be_kept_it_is_said_why(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.recorder = Recorder(Album(lambda: SHADE))
    recorded.act("click()", 1)

    (step,) = data(recorded.written())["steps"]
    assert (None, "not a whole picture") == (step["after"], step["no_after"])


def test_what_fails_is_told_with_its_error_and_the_picture_of_that_moment(recorded: Recorded) -> None:
    with recorded.trail.listening(recorded.recorder), pytest.raises(TimedOut):
        with recorded.trail.step("desktop", "click()", AROUND):
            recorded.shade = 9
            raise TimedOut("click", 5, "it is disabled")

    (step,) = data(recorded.written())["steps"]
    assert "TimedOut: click: not within 5 s; last seen: it is disabled" == step["error"]
    assert step["before"] != step["after"]


def test_what_was_typed_into_a_field_for_passwords_is_not_shown(recorded: Recorded) -> None:
    hidden = SimpleNamespace(text=None, rectangle=Region(0, 0, 1, 1))
    for what, control in (
        ("get_by(name='Pass').fill('hunter22')", None),
        ("get_by(name='X').type('hunter22')", hidden),
    ):
        with recorded.trail.listening(recorded.recorder):
            with recorded.trail.step("desktop", what, "", {"text": "hunter22"}):
                recorded.trail.note(control=control)

    path = recorded.written()

    assert "hunter22" not in path.read_text(encoding="utf-8")
    assert ["get_by(name='Pass').fill('***')", "get_by(name='X').type('***')"] == [
        step["what"] for step in data(path)["steps"]
    ]


def test_secrets_are_masked_wherever_they_are(recorded: Recorded) -> None:
    recorded.run("login s3cr3t", RunResult("s3cr3t", "s3cr3t", 0, 0.1, "it"))
    recorded.act("type('s3cr3t')", 1, window="- Edit: s3cr3t")
    for name in ("serial.log", "missing.txt", "events.txt"):
        (recorded.place / name).write_text("s3cr3t")

    path = recorded.written(lambda text: text.replace("s3cr3t", "***"), error="E  's3cr3t'", missing=("x: s3cr3t",))

    assert "s3cr3t" not in path.read_text(encoding="utf-8")


def test_what_a_guest_has_left_is_shown(recorded: Recorded) -> None:
    (recorded.place / "guest.json").write_text('{"memory": 1024}')
    (recorded.place / "serial.log").write_bytes(b"x" * 100_000 + b"the end \xff")
    (recorded.place / "missing.txt").write_text("screen.png: QEMU ended\n")

    (guest,) = data(recorded.written(missing=("video.png: none",)))["guests"]

    assert {"memory": 1024} == guest["facts"]
    assert guest["logs"]["serial.log"].endswith("the end \ufffd")
    assert 64 * 1024 == len(guest["logs"]["serial.log"])
    assert ["screen.png: QEMU ended", "video.png: none"] == guest["missing"]


def test_half_a_file_of_facts_is_none(recorded: Recorded) -> None:
    (recorded.place / "guest.json").write_text("")

    (guest,) = data(recorded.written())["guests"]

    assert {} == guest["facts"]


def test_of_many_steps_the_last_are_known(recorded: Recorded) -> None:
    with recorded.trail.listening(recorded.recorder):
        for number in range(1010):
            recorded.trail.tell("state", f"step {number}")

    shown = data(recorded.written())

    assert (10, 1000, "step 1009") == (shown["left_out"], len(shown["steps"]), shown["steps"][-1]["what"])


def test_steps_of_several_guests_are_in_one_order(tmp_path: Path) -> None:
    parts, deeds = [], []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        own = Recorded(tmp_path / str(number))
        own.recorder.ends(Deed("state", f"of {number}", began=10.0 - number))
        parts.append(Part(own.place, own.recorder, str))
        deeds.append(own)

    page.write(tmp_path / "trace.html", "test", [], parts)

    assert [(2, "of 2"), (1, "of 1")] == [
        (step["guest"], step["what"]) for step in data(tmp_path / "trace.html")["steps"]
    ]
    for own in deeds:
        own.recorder.album.close()


@pytest.mark.tool("chromium")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it_without_a_network_and_has_nothing_to_complain_of(
    recorded: Recorded, tmp_path: Path, width: int
) -> None:
    recorded.run(HOSTILE, RunResult(HOSTILE, HOSTILE, 1, 0.1, "it"))
    recorded.act(f"click({HOSTILE!r})", 200, window=f"- Window {HOSTILE}")
    with recorded.trail.listening(recorded.recorder), pytest.raises(TimedOut):
        with recorded.trail.step("desktop", "click()", AROUND):
            raise TimedOut("click", 5, HOSTILE)
    (recorded.place / "serial.log").write_text(HOSTILE, "utf-8", "surrogatepass")
    path = recorded.written(error=HOSTILE, test=f"test_it.py::test[{HOSTILE}]")

    shown = browser.shown(path, tmp_path, width)

    assert [] == shown.complaints
    assert [] == shown.requests
    assert "<title>test_it.py::test[&lt;/script&gt;&lt;script&gt;document.title='broken'&lt;/script&gt;" in shown.dom
    assert 3 == len(re.findall('<details class="step', shown.dom))
    assert 2 == shown.dom.count('<img alt="')  # of the step that is open, for it has failed


@pytest.mark.tool("chromium")
def test_a_page_that_is_otherwise_would_be_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://127.0.0.1:9/x.png'><script>lost()</script>")

    shown = browser.shown(bad, tmp_path)

    assert ["http://127.0.0.1:9/x.png"] == shown.requests
    assert any("lost is not defined" in line for line in shown.complaints)
