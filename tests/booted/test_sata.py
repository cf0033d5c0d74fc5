"""A guest that has no driver of virtio's: disk, network, pointer and keyboard are what every Windows can use."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM, Window
from tests.booted.programs import Program, told
from tests.booted.test_pointer import PIECE, TOTAL

PROGRAM = Program("board", ("-lgdi32",))

pytestmark = [pytest.mark.windows_vm(bus="sata"), pytest.mark.tool("x86_64-w64-mingw32-gcc")]


def test_a_click_through_the_usb_tablet_is_at_that_pixel(vm: SmolVM, window: Window) -> None:
    piece = window.get_by(name="Piece").rectangle()
    left, top = piece.left - PIECE[0] + TOTAL[0], piece.top - PIECE[1] + TOTAL[1]
    for place in ((left, top), (left + TOTAL[2] - TOTAL[0] - 1, top), (left - 1, top)):
        vm.screen.click(*place)

    vm.wait_until(lambda: len(told(window)) == 3, what="three clicks in the program")
    assert ["left total", "left total", "left nothing"] == told(window)
    device = vm._running().machine.display.pointing_device()
    assert device is not None
    assert ("QEMU HID Tablet", True) == (device.name, device.absolute)


def test_keys_reach_what_has_the_focus(vm: SmolVM) -> None:
    notepad = vm.desktop.launch("notepad.exe")
    edit = notepad.get_by(control_type="Edit")
    vm.screen.click(*edit.rectangle().center)
    vm.screen.type("Hello 42!")
    vm.screen.press("shift+left")
    vm.screen.press("x")

    edit.wait_until(lambda control: control.value == "Hello 42x")
    assert notepad.spawned is not None
    notepad.spawned.kill()
