"""A guest that has no driver of virtio's: disk, network, pointer and keyboard are what every Windows can use."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM, Window
from tests.booted.programs import Program
from tests.booted.test_pointer import TOTAL, check_keys, corner_of, reached

PROGRAM = Program("board", ("-lgdi32",))

pytestmark = [pytest.mark.windows_vm(bus="sata"), pytest.mark.tool("x86_64-w64-mingw32-gcc")]


def test_a_click_through_the_usb_tablet_is_at_that_pixel(vm: SmolVM, window: Window) -> None:
    x, y = corner_of(window)
    left, top, right = x + TOTAL[0], y + TOTAL[1], x + TOTAL[2]
    for place in ((left, top), (right - 1, top), (left - 1, top)):
        vm.screen.click(*place)

    reached(vm, window, "left total", "left total", "left nothing")
    device = vm._running().machine.display.pointing_device()
    assert device is not None
    assert ("QEMU HID Tablet", True) == (device.name, device.absolute)


def test_keys_reach_what_has_the_focus(vm: SmolVM) -> None:
    check_keys(vm)
