"""The desktop: a window that paints itself is used by what is seen of it, its menu is walked, and dialogs are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm import DesktopError, SmolVM, TimedOut, Window
from tests.booted.programs import Program, told

PROGRAM = Program("board", ("-lgdi32",))
SHORT = 15.0  # seconds in which nothing comes, and in which an emulated processor gets somewhere

pytestmark = [pytest.mark.slow, pytest.mark.tool("x86_64-w64-mingw32-gcc", "tesseract")]


def test_what_is_painted_is_clicked_by_what_is_written_there(window: Window) -> None:
    window.get_by_text("Total: 42").click()
    with pytest.raises(DesktopError, match=r"2 are seen, choose by nth\(\):\n- at \("):
        window.get_by_text("Remove").click()
    window.get_by_text("Remove").nth(1).double_click()

    assert ["left total", "left second", "double second"] == told(window)
    with pytest.raises(TimedOut, match=r"there is none; what can be read: (.*\n)*.*Total: 42"):
        window.get_by_text("Nothing").click(timeout=SHORT)


def test_what_is_painted_is_clicked_by_its_picture(vm: SmolVM, window: Window, tmp_path: Path) -> None:
    total = window.get_by_text("Total: 42").rectangle()
    icon = vm.screen.screenshot((total.right + 176, total.top - 18, 50, 46))
    icon.save(tmp_path / "icon.png")
    window.get_by_image(tmp_path / "icon.png").right_click()

    assert ["right icon"] == told(window)
    assert 1 == window.get_by_image(icon).count()


def test_a_piece_is_dragged_to_a_control_and_to_a_text(window: Window) -> None:
    piece = window.get_by(name="Piece")
    piece.drag_to(window.get_by(name="Bin"))
    piece.drag_to(window.get_by_text("Total: 42"))

    assert ["dropped on 311 after moves", "dropped on 0 after moves"] == told(window)
    with pytest.raises(TimedOut, match="of its target: there is none"):
        piece.drag_to(window.get_by(name="Absent"), timeout=SHORT)


def test_a_menu_is_walked(window: Window) -> None:
    window.menu("File", "Save as...")
    window.menu("File", "Export", "As rich text")

    assert ["menu 302", "menu 304"] == told(window)


def test_an_entry_that_is_not_there_or_disabled_is_told(vm: SmolVM, window: Window) -> None:
    with pytest.raises(TimedOut, match=r"no entry 'Absent' can be read, but: .*Save as"):
        window.menu("File", "Absent")
    with pytest.raises(DesktopError, match=r"nothing comes of 'Disabled'"):
        window.menu("File", "Disabled")

    assert [] == told(window)
    assert 0 == vm.desktop.window(class_name="#32768").count()


def test_a_message_box_is_read_and_answered_in_any_language(vm: SmolVM, window: Window) -> None:
    answers: list[tuple[str | int, int]] = [("Yes", 6), (7, 7), ("Cancel", 2)]
    for button, number in answers:
        window.menu("Help", "About")
        question = vm.desktop.dialog(title="Board")
        assert "Keep the changes?" == question.message()
        question.press(button)
        window.wait_until(lambda seen: seen.enabled)
        assert f"answer {number}" == told(window)[-1]


def test_a_file_is_saved_and_opened_by_the_dialogs_of_notepad(vm: SmolVM) -> None:
    notepad = vm.desktop.launch("notepad.exe")
    edit = notepad.get_by(control_type="Edit")
    edit.type("kept")
    notepad.menu("File", "Save as...")
    vm.desktop.dialog(process="notepad").save_as(r"C:\T\kept.txt")
    notepad.wait_until(lambda window: "kept.txt" in window.name)
    vm.write_text(r"C:\T\other.txt", "other")
    notepad.menu("File", "Open...")
    vm.desktop.dialog(process="notepad").open(r"C:\T\other.txt")
    notepad.wait_until(lambda window: "other.txt" in window.name)

    assert ("kept", "other") == (vm.read_text(r"C:\T\kept.txt"), edit.text())
    assert notepad.spawned is not None
    notepad.spawned.kill()
