"""What a failed test leaves of what it did: the page with its steps, and the film of the screen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import browser
from tests.booted.programs import compiled

PROGRAM = Path(__file__).with_name("dialog.c")
FAILING = r"""
import os
from pathlib import Path
import pytest

PROGRAM = Path(os.environ["PROGRAM"])

def test_form(windows_vm, tmp_path):
    vm = windows_vm
    vm.run("'</script><script>alert(1)</script>'; [Console]::Error.WriteLine('<b>oops</b>'); exit 3")
    vm.run("1..20000 | ForEach-Object { 'line ' + $_ }")
    vm.upload_file(PROGRAM, r"C:\T\dialog.exe")
    with pytest.raises(Exception):
        vm.download_file(r"C:\nowhere.txt", tmp_path / "x")
    vm.screen.move(700, 500)
    window = vm.desktop.launch(r"C:\T\dialog.exe")
    window.get_by(name="Name:").fill("Ada")
    window.get_by(name="Password:").fill("hunter22")
    window.get_by(name="Agree").click()
    window.get_by(name="Colour:").select("Green")
    window.get_by(name="Late").click(timeout=6)
"""
OTHERS = r"""
import os, signal

def test_states(windows_vm):
    vm = windows_vm
    vm.write_text(r"C:\x.txt", "x")
    vm.snapshot("clean")
    vm.remove(r"C:\x.txt")
    vm.revert("clean")
    assert not vm.exists(r"C:\x.txt")

def test_dead(windows_vm):
    windows_vm.run("'alive'")
    windows_vm.screen.press("a")
    os.kill(windows_vm._running().machine.child.pid, signal.SIGKILL)
    windows_vm.screen.press("b")

def test_well(windows_vm):
    windows_vm.screen.press("a")
"""
RETAINED = ("--smolvm-trace=retain-on-failure", "--smolvm-video=retain-on-failure")


def data(page: Path) -> dict[str, Any]:
    """What a page shows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found is not None
    shown: dict[str, Any] = json.loads(found[1])
    return shown


def test_what_was_done_to_a_guest_is_on_a_page(inner: pytest.Pytester) -> None:
    """Also of one that is dead, with what there is no more; of a test that passes there is nothing."""
    inner.makepyfile(test_it=OTHERS)

    result = inner.runpytest_subprocess(*RETAINED)

    result.assert_outcomes(failed=2, passed=1)
    results = inner.path / "test-results" / "smolvm"
    states, dead = results / "test_it.py-test_states", results / "test_it.py-test_dead"
    assert {states, dead} == set(results.iterdir())
    shown = data(states / "trace.html")
    assert [
        ("files", r"vm.write_text('C:\\x.txt', <1 characters>)"),
        ("state", "vm.snapshot('clean')"),
        ("files", r"vm.remove('C:\\x.txt')"),
        ("state", "vm.revert('clean')"),
    ] == [(step["kind"], step["what"]) for step in shown["steps"]]
    assert [] == shown["guests"][0]["missing"]
    assert re.search("no event log|cannot be read: System: ", shown["guests"][0]["events"])
    assert {"serial.log", "qemu.log"} & set(shown["guests"][0]["logs"])

    shown = data(dead / "trace.html")
    alive, first, second = shown["steps"]
    assert ("'alive'", [["script", "'alive'"], ["output", "alive\r\n"]]) == (alive["what"], alive["texts"])
    assert first["before"] in shown["pictures"]
    assert "GuestDied: QEMU ended" in second["error"]
    assert "QEMU ended" in second["no_after"]
    assert ["screen.png: QEMU ended", "events.txt: QEMU ended"] == [
        line[: line.index("ended") + 5] for line in shown["guests"][0]["missing"]
    ]
    assert (dead / "video.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow  # waits for time-outs, which a busy host has to be given time to get anywhere in
@pytest.mark.tool("x86_64-w64-mingw32-gcc", "chromium")
def test_a_failed_test_of_the_desktop_leaves_its_steps_and_a_film(
    inner: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROGRAM", str(compiled(PROGRAM, tmp_path)))
    inner.makepyfile(test_it=FAILING)

    result = inner.runpytest_subprocess(*RETAINED)

    result.assert_outcomes(failed=1)
    (place,) = (inner.path / "test-results" / "smolvm").iterdir()
    shown = data(place / "trace.html")
    steps = {
        re.sub(r"^.*[.)]([a-z_]+)\(.*$", r"\1", step["what"]): step for step in shown["steps"] if step["kind"] != "run"
    }
    assert ["upload_file", "download_file", "move", "launch", "fill", "click", "select"] == list(steps)
    fill, click = next(step for step in shown["steps"] if "Name:" in step["what"]), steps["click"]
    assert fill["before"] != fill["after"]
    assert 'Edit "Name:"' in dict(fill["texts"])["window"]
    assert "fill('***')" in steps["fill"]["what"]
    assert "TimedOut" in click["error"]
    assert "disabled" in click["error"]
    assert 4 == len(click["mark"])
    first, second, *_ = shown["steps"]
    assert ("exit code 3", "</script><script>alert(1)</script>\r\n") == (
        first["ending"],
        dict(first["texts"])["output"],
    )
    assert "bytes are left out" in dict(second["texts"])["output"]
    with Image.open(place / "video.png") as film:
        assert film.n_frames > 5
    page = browser.shown(place / "trace.html", tmp_path)
    assert ([], []) == (page.complaints, page.requests)
    assert len(shown["steps"]) == page.dom.count('<details class="step')
