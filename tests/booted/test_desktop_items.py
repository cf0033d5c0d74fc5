"""The desktop: what lists, trees and tabs draw themselves is used like controls, and the clipboard is shared with programs."""

from __future__ import annotations

import pytest

from pytest_smolvm import DesktopError, SmolVM, TimedOut, Window, expect
from tests.booted.programs import Program, told

PROGRAM = Program("shelf", ("-lcomctl32",))
SHORT = 40.0  # seconds in which nothing comes, and in which an emulated processor gets somewhere

pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc")


def test_rows_are_clicked_checked_and_read(window: Window) -> None:
    files = window.get_by(automation_id=202)
    files.get_by(name="file 1 €").click()
    files.get_by(name="file 2 €").check()
    files.get_by(name="file 2 €").check()
    assert "file 2 €" == files.get_by(control_type="ListItem").filter(checked=True).text()
    assert "file 12 €" == files.get_by(control_type="ListItem").filter(has_text="12 kb").text()
    files.get_by(name="file 2 €").uncheck()
    files.get_by(name="file 29 €").double_click()  # out of view

    expect(files.get_by(name="file 29 €")).to_be_selected()
    assert "file 29 €" == files.value()
    assert ("29 KB",) == files.get_by(name="file 29 €").state().cells
    boxes = [line for line in told(window) if " box " in line]
    assert ["202 row 2 box 1", "202 row 2 box 0"] == boxes
    assert {"202 row 1 selected", "202 row 29 selected", "202 row 29 opened"} <= set(told(window))
    with pytest.raises(DesktopError, match="it is a ListItem"):
        files.get_by(name="file 29 €").type("x")


@pytest.mark.slow
def test_a_tree_is_expanded_and_tabs_are_chosen(window: Window) -> None:
    window.get_by(name="Europe").expand()
    window.get_by(name="France").expand()
    window.get_by(name="Paris").check()
    window.get_by(class_name="SysTreeView32").get_by(name="Italy").click()
    expect(window.get_by(name="Italy")).to_be_selected()
    window.get_by(name="Europe").collapse()
    expect(window.get_by(name="Paris")).to_be_hidden()
    window.get_by(name="Details").click()
    window.get_by(automation_id=201).select("Security")

    assert "Security" == window.get_by(control_type="Tab").text()
    lines = told(window)
    assert 2 == lines.count("203 expanded")
    assert ["201 page 1", "201 page 2"] == [line for line in lines if " page " in line]


@pytest.mark.slow
def test_long_lists_are_not_read_as_a_whole_and_yet_searched(window: Window) -> None:
    many, lines = window.get_by(automation_id=204), window.get_by(automation_id=205)
    assert (100_000, 20) == (many.state().item_count, len(many.state().children))
    many.select("number 77777")
    many.get_by(name="number 77778").click()
    lines.get_by(name="line 1500").select()
    lines.get_by(name="line 1502").click()

    assert ("number 77778", "line 1502") == (many.value(), lines.value())
    assert {"204 row 77777 selected", "204 row 77778 selected", "205 command 1"} <= set(told(window))


@pytest.mark.slow
def test_what_cannot_be_done_to_an_item_is_told(window: Window) -> None:
    with pytest.raises(TimedOut, match="there is nothing in it"):
        window.get_by(name="Asia").expand(timeout=SHORT)
    with pytest.raises(TimedOut, match=r"it has no such item, but: line .* and more, 2000 in all"):
        window.get_by(automation_id=205).select("line x", timeout=SHORT)


def test_a_click_goes_where_the_pointer_is_put_and_nowhere_else(window: Window) -> None:
    many, paris = window.get_by(automation_id=204), window.get_by(name="Paris")
    window.get_by(name="Europe").expand()
    window.get_by(name="France").expand()
    for row, toggle in enumerate((paris.check, paris.uncheck)):
        # From one to the other: a movement to where the pointer was would make a drag of the second click.
        many.get_by(name=f"number {row}").click()
        toggle()

    assert "203 dragged" not in told(window)


def test_text_goes_through_the_clipboard_both_ways(vm: SmolVM) -> None:
    notepad, clipboard = vm.desktop.launch("notepad.exe"), vm.desktop.clipboard
    edit = notepad.get_by(control_type="Edit")
    clipboard.set_text("Grüße 😀\nzwei")
    edit.press("ctrl+v")
    expect(edit).to_have_text("Grüße 😀\r\nzwei")
    edit.fill("taken")
    edit.press("ctrl+a")
    edit.press("ctrl+c")

    assert "taken" == clipboard.text()
    assert notepad.spawned is not None
    notepad.spawned.kill()
