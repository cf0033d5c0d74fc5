"""The desktop: a program of classic controls is used, and tells what has reached it."""

from __future__ import annotations

import re
import warnings

import pytest

from pytest_smolvm import ResidentLostWarning, SmolVM, expect
from pytest_smolvm.errors import DesktopError, TimedOut
from pytest_smolvm.guest.desktop.window import Window
from tests.booted.programs import Program, told

PROGRAM = Program("dialog")
CLICKED, CHANGED, CHOSEN, DOUBLE = 0, 768, 1, 1  # BN_CLICKED, EN_CHANGE, CBN_SELCHANGE and LBN_SELCHANGE, STN_DBLCLK
SHORT = 15.0  # seconds in which nothing comes, and in which an emulated processor gets somewhere

WAITS = pytest.mark.slow  # for time-outs, which a busy host has to be given time to get anywhere in
pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc")


def test_a_form_is_filled_in(window: Window) -> None:
    get_by = window.get_by
    get_by(name="Name:").fill("Ada")
    get_by(name="Name:").press("end")
    get_by(name="Name:").type(" Grün😀")
    get_by(name="Password:").fill("secret")
    get_by(name="Colour:").select("Green")
    get_by(name="Fruit:").select("Plum")
    get_by(name="Agree").check()
    get_by(name="Agree").check()
    get_by(name="Large").check()
    get_by(name="Notes:").fill("one\ntwo")
    get_by(name=re.compile("^Count")).click()

    form = window.state()
    values = {control.name: control.value for control in form.walk() if control.has_label}
    checked = {control.name for control in form.walk() if control.checked}
    assert {
        "Name:": "Ada Grün😀",
        "Password:": None,
        "Colour:": "Green",
        "Short:": "",
        "Fixed:": "",
        "Fruit:": "Plum",
        "Notes:": "one\r\ntwo",
    } == values
    assert {"Agree", "Large"} == checked
    lines = told(window)
    assert [1, 1, 1, 1, 1] == [
        lines.count(line) for line in (f"106 {CHOSEN}", f"107 {CHOSEN}", "103 0", "105 0", "108 0")
    ]
    assert f"102 {CHANGED}" in lines


def test_a_combo_box_drops_down(window: Window) -> None:
    colour = window.get_by(name="Colour:")
    colour.expand()
    assert colour.state().expanded
    colour.get_by(name="Blue").select()
    colour.collapse()

    assert ("Blue", False) == (colour.value(), colour.state().expanded)
    assert 1 == told(window).count(f"106 {CHOSEN}")
    with pytest.raises(DesktopError, match="what drops down of a combo box is out of reach: select it"):
        colour.get_by(name="Red").click()


def test_clicks_of_all_kinds(window: Window) -> None:
    window.get_by(name="Pick").click()
    window.get_by(name="Pick").click()  # as soon as that would be a double click
    window.get_by(name="Pick").double_click()
    window.get_by(name="Pick").right_click()
    window.get_by(name="Same").nth(1).click()

    assert [*[f"118 {CLICKED}"] * 3, f"118 {DOUBLE}", "118 context", "112 0"] == told(window)


@WAITS
def test_what_is_late_or_moves_is_waited_for(window: Window) -> None:
    with pytest.raises(TimedOut, match="last seen: it is disabled"):
        window.get_by(name="Late").click(timeout=SHORT)
    window.get_by(name="Wake").click()
    window.get_by(name="Late").click()
    window.get_by(name="Move").click()
    window.get_by(name="Move").click()

    assert ["109 0", "110 0", "117 0", "117 0"] == told(window)


@WAITS
def test_what_cannot_be_is_told(window: Window) -> None:
    get_by = window.get_by
    with pytest.raises(DesktopError, match=r"2 match, choose by nth\(\):\n- Button"):
        get_by(name="Same").click()
    with pytest.raises(TimedOut, match=r"no edit control that can be written to\n- Window"):
        get_by(name="Fixed:").fill("x", timeout=SHORT)
    with pytest.raises(DesktopError, match="made something else of it: abc"):
        get_by(name="Short:").fill("abcd")
    with pytest.raises(TimedOut, match="it has no such item, but: Red, Green, Blue"):
        get_by(name="Colour:").select("Pink", timeout=SHORT)

    assert [] == [line for line in told(window) if not line.startswith("115 ")]


@WAITS
def test_what_is_expected_is_waited_for(window: Window) -> None:
    get_by = window.get_by
    expect(get_by(name="Late")).to_be_disabled()
    expect(window).to_match_tree("ordering.yaml")
    get_by(name="Wake").click()
    expect(get_by(name="Late")).to_be_enabled()
    get_by(name="Agree").click()
    expect(get_by(name="Agree")).to_be_checked()
    get_by(name="Name:").fill("Ada")
    expect(get_by(name="Name:")).to_have_value(re.compile("^A"))
    get_by(name="Ask").click()
    expect(get_by(name="Absent")).to_be_hidden()
    expect(get_by(name="Same")).to_have_count(2)

    with pytest.raises(AssertionError, match=r"to_have_value\('Ad'\): not within 15 s; last seen: 'Ada'\n- Window"):
        expect(get_by(name="Name:")).to_have_value("Ad", timeout=SHORT)


@WAITS
def test_a_dialog_blocks_its_window_and_is_answered(vm: SmolVM, window: Window) -> None:
    window.get_by(name="Ask").click()
    question = vm.desktop.window(title="Question")
    with pytest.raises(TimedOut, match="what it is in is disabled, as by a dialog"):
        window.get_by(name="Agree").click(timeout=SHORT)
    question.get_by(name="No").click()
    window.get_by(name="Agree").check()

    assert ["111 0", "103 0"] == told(window)
    with pytest.raises(TimedOut, match=r'these windows:\n(.*\n)*- "Ordering'):
        question.title(timeout=SHORT)


@WAITS
def test_a_program_that_hangs_costs_no_more_than_the_time_out(vm: SmolVM, window: Window) -> None:
    with pytest.raises(TimedOut, match="it was done, but the program does not answer since"):
        window.get_by(name="Hang").click(timeout=SHORT)
    with pytest.raises(TimedOut, match="the window's program does not answer"):
        window.get_by(name="Agree").state(timeout=SHORT)
    assert window.get_by(name="Agree").wait_until(lambda control: control.checked is False)  # when it has slept

    assert ["113 0"] == told(window)


@WAITS
def test_what_is_covered_is_waited_for(window: Window) -> None:
    window.get_by(name="Cover").click()
    with pytest.raises(TimedOut, match=r"it is covered: at \(\d+, \d+\) there is a Static"):
        window.get_by(name=re.compile("^Count")).click(timeout=SHORT)
    window.get_by(name="Cover").click()
    window.get_by(name=re.compile("^Count")).click()

    assert ["119 0", "119 0", "108 0"] == told(window)


def test_a_window_that_closes_in_the_middle_is_told(window: Window) -> None:
    window.get_by(name="Leave").click()
    with pytest.raises(DesktopError, match=r"(is|was) closed"):
        window.get_by(name="Late").click()


def test_the_desktop_goes_on_after_every_powershell_was_killed(vm: SmolVM, window: Window) -> None:
    vm.run("taskkill /f /im powershell.exe", shell="cmd", check=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResidentLostWarning)
        window.get_by(name=re.compile("^Count")).click()

    assert ["108 0"] == told(window)


def test_notepad_saves_what_was_typed(vm: SmolVM) -> None:
    notepad = vm.desktop.launch("notepad.exe")
    edit = notepad.get_by(control_type="Edit")
    edit.type("first\nsecond")
    edit.press("ctrl+s")
    dialog = vm.desktop.window(title="Save As", process="notepad")
    dialog.get_by(control_type="Edit").fill(r"C:\T\typed.txt")
    dialog.get_by(name="Save").click()
    notepad.wait_until(lambda window: "typed.txt" in window.name)
    notepad.close()

    assert notepad.spawned is not None
    assert 0 == notepad.spawned.wait(30)
    assert "first\r\nsecond" == vm.read_text(r"C:\T\typed.txt")
    with pytest.raises(DesktopError, match="is closed"):
        notepad.title()


def test_a_program_without_a_window_is_told_with_its_end(vm: SmolVM) -> None:
    with pytest.raises(DesktopError, match=r"cmd.exe ended with 3 and has shown no window; it printed: hello"):
        vm.desktop.launch("cmd.exe", "/c", "echo hello& exit 3")


@WAITS
def test_a_program_that_shows_no_window_goes_on(vm: SmolVM) -> None:
    with pytest.raises(TimedOut, match=r"a window of ping.exe: not within 5 s; last seen: these windows:"):
        vm.desktop.launch("ping.exe", "-n", "1000", "127.0.0.1", timeout=5)

    vm.run("taskkill /f /im ping.exe", shell="cmd", check=True)


def test_of_200_actions_none_is_lost_and_none_is_done_twice(window: Window) -> None:
    count, name = window.get_by(automation_id=108), window.get_by(automation_id=101)
    digits = [str(number % 10) for number in range(100)]
    for digit in digits:
        count.click()
        name.type(digit)

    assert "".join(digits) == name.text()
    assert 100 == told(window).count("108 0")
