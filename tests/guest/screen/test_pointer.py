"""The pointer: where it is put, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import GuestDied, ScreenError, UsageError
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.machine.display import Display
from tests.guest.screen.conftest import MOUSE, Easel, standing
from tests.machine import scripted


def places(easel: Easel) -> list[tuple[int, int]]:
    """Where the pointer was put, on a screen of 640x480, as a driver makes pixels of it."""
    values = [event["data"]["value"] for event in easel.events if event["type"] == "abs"]
    return [(x * 640 // 0x8000, y * 480 // 0x8000) for x, y in zip(values[::2], values[1::2], strict=True)]


def buttons(easel: Easel) -> list[str]:
    return [
        f"{'+' if event['data']['down'] else '-'}{event['data']['button']}"
        for event in easel.events
        if event["type"] == "btn"
    ]


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (319, 241), (638, 478), (639, 479)])
def test_a_click_is_on_its_pixel(easel: Easel, place: tuple[int, int]) -> None:
    easel.screen.click(*place)

    assert [place] == places(easel)
    assert ["+left", "-left"] == buttons(easel)
    assert ["abs", "abs", "btn", "btn"] == [event["type"] for event in easel.events]


def test_other_ways_to_click(easel: Easel) -> None:
    easel.screen.double_click(1, 2)
    easel.screen.right_click(1, 2)
    easel.screen.click(1, 2, button="middle")
    easel.screen.scroll(1, 2, 2)
    easel.screen.scroll(1, 2, -1)

    assert "+left -left +left -left +right -right +middle -middle" == " ".join(buttons(easel)[:8])
    assert "+wheel-up -wheel-up +wheel-up -wheel-up +wheel-down -wheel-down" == " ".join(buttons(easel)[8:])


def test_a_drag_is_on_its_way_for_a_while(easel: Easel) -> None:
    easel.screen.drag((10, 10), (110, 60))

    assert [(10, 10), (20, 15), (110, 60)] == [*places(easel)[:2], places(easel)[-1]]
    assert ["+left", "-left"] == buttons(easel)
    assert "btn" == easel.events[-1]["type"]


@pytest.mark.parametrize("place", [(640, 0), (0, 480), (-1, 5), (5, -1)])
def test_a_click_outside_the_screen_is_none(easel: Easel, place: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=rf"\({place[0]}, {place[1]}\) is not on the screen, which has 640x480 pixels"):
        easel.screen.click(*place)

    assert [] == easel.events


def test_a_drag_that_leaves_the_screen_lets_the_button_go(easel: Easel) -> None:
    with pytest.raises(UsageError):
        easel.screen.drag((600, 10), (700, 10))

    assert ["+left", "-left"] == buttons(easel)


def test_the_size_is_that_of_the_moment(easel: Easel) -> None:
    with pytest.raises(UsageError):
        easel.screen.click(1000, 700)
    easel.paint((1280, 960))

    easel.screen.click(1000, 700)

    assert (1280, 960) == easel.screen.size
    assert [(500, 350)] == places(easel)  # of 640x480


def test_a_guest_without_a_tablet(tmp_path: Path) -> None:
    """A mouse could only be moved by so much, from nobody knows where."""
    with standing(tmp_path, MOUSE) as easel:
        easel.paint()
        with pytest.raises(ScreenError, match="the guest listens to QEMU PS/2 Mouse, not to a tablet"):
            easel.screen.click(1, 1)

        assert [] == easel.events


@pytest.mark.parametrize(
    "wrong",
    [
        lambda screen: screen.click(1, 1, button="fourth"),
        lambda screen: screen.drag((1, 1), (2, 2), button=""),
        lambda screen: screen.scroll(1, 1, 0),
        lambda screen: screen.scroll(1, 1, 1000),
    ],
)
def test_what_makes_no_sense(easel: Easel, wrong: Any) -> None:
    with pytest.raises(UsageError):
        wrong(easel.screen)

    assert [] == easel.events


def test_a_guest_that_is_dead(tmp_path: Path) -> None:
    with scripted.machine() as machine:
        machine.monitor.execute("quit")
    screen = Screen(Display(machine.monitor, tmp_path), Baselines())

    with pytest.raises(GuestDied):
        _ = screen.size
    with pytest.raises(GuestDied):
        screen.press("a")
    with pytest.raises(GuestDied):
        screen.save(tmp_path / "x.png")
