"""The screen's pointer and keys: a program tells which pixel was clicked, and what reached it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm import SmolVM, Window
from tests.booted.programs import Program, told

PROGRAM = Program("board", ("-lgdi32",))
PIECE = (20, 120)  # where board.c has them in its window: left and top
TOTAL = (20, 20, 200, 50)

pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc", "tesseract")

MATCHING = r"""
import pytest
from pytest_smolvm import expect

def test_it(windows_vm):
    notepad = windows_vm.desktop.launch("notepad.exe")
    edit = notepad.get_by(control_type="Edit")
    edit.type("kept")
    place = edit.rectangle()
    windows_vm.screen.expect_match("edit.png", region=(place.left + 2, place.top + 2, 60, 20), timeout=5)
    expect(notepad).to_match_tree("notepad.yaml", timeout=5)
"""


def corner_of(window: Window) -> tuple[int, int]:
    """Where the program's own pixels begin on the screen."""
    piece = window.get_by(name="Piece").rectangle()
    return piece.left - PIECE[0], piece.top - PIECE[1]


@pytest.fixture(name="corner")
def _corner(window: Window) -> tuple[int, int]:
    return corner_of(window)


def reached(vm: SmolVM, window: Window, *lines: str) -> None:
    """Wait until this and nothing else has reached the program."""
    vm.wait_until(lambda: told(window)[-1:] == list(lines[-1:]), what=f"{lines[-1]} in the program")
    assert list(lines) == told(window)


def check_keys(vm: SmolVM) -> None:
    """Keys pressed at the screen reach what a click there has given the focus to."""
    notepad = vm.desktop.launch("notepad.exe")
    edit = notepad.get_by(control_type="Edit")
    vm.screen.click(*edit.rectangle().center)
    vm.screen.type("Hello 42!")
    vm.screen.press("shift+left")
    vm.screen.press("x")

    edit.wait_until(lambda control: control.value == "Hello 42x")
    assert notepad.spawned is not None
    notepad.spawned.kill()


def test_a_click_is_at_that_pixel(vm: SmolVM, window: Window, corner: tuple[int, int]) -> None:
    left, top, right, bottom = (TOTAL[side] + corner[side % 2] for side in range(4))
    inside, outside = ((left, top), (right - 1, bottom - 1)), ((left - 1, top), (right, bottom - 1))
    for place in (*inside, *outside):
        vm.screen.click(*place)

    reached(vm, window, "left total", "left total", "left nothing", "left nothing")


def test_clicks_of_all_kinds_the_wheel_and_a_drag(vm: SmolVM, window: Window, corner: tuple[int, int]) -> None:
    x, y = corner[0] + TOTAL[0] + 50, corner[1] + TOTAL[1] + 10
    piece, bin_ = window.get_by(name="Piece").rectangle(), window.get_by(name="Bin").rectangle()
    vm.screen.right_click(x, y)
    vm.screen.double_click(x, y)
    vm.screen.scroll(x, y, -2)
    vm.screen.scroll(x, y, 1)
    vm.screen.drag(piece.center, bin_.center)

    wheel = ("wheel -1", "wheel -1", "wheel 1")
    reached(vm, window, "right total", "left total", "double total", *wheel, "dropped on 311 after moves")


def test_what_is_seen_is_found_and_clicked(vm: SmolVM, window: Window, corner: tuple[int, int]) -> None:
    icon = (corner[0] + 300, corner[1] + 20, 32, 32)
    vm.screen.move(5, 5)
    assert icon == tuple(vm.screen.wait_for_image(vm.screen.screenshot(icon)))
    vm.screen.click_text("Total: 42")

    reached(vm, window, "left total")


def test_keys_reach_what_has_the_focus(vm: SmolVM) -> None:
    check_keys(vm)


def test_pictures_and_trees_are_kept_beside_a_test_and_compared(inner: pytest.Pytester) -> None:
    place: Path = inner.makepyfile(test_it=MATCHING).parent
    inner.runpytest_subprocess().assert_outcomes(failed=1)
    updating = inner.runpytest_subprocess("--smolvm-update-screens", "--smolvm-update-trees")
    made = {path.name for path in place.rglob("*") if path.suffix in (".png", ".yaml") and "results" not in str(path)}
    again = inner.runpytest_subprocess()

    updating.assert_outcomes(passed=1)
    assert {"edit.png", "notepad.yaml"} == made
    again.assert_outcomes(passed=1)
