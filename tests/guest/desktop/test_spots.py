"""What is only seen in a window: texts and pictures, menus that are read, and what is dragged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm import DesktopMismatch, expect
from pytest_smolvm.errors import DesktopError, ResidentLost, TimedOut, UsageError
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.window import Window
from tests.guest.desktop.conftest import PLACE, WINDOW, Said, control, element, root
from tests.guest.screen.conftest import TABLET, Easel, standing

SHORT = 0.3
WIDE = {"left": 100, "top": 50, "width": 300, "height": 200}
HERE = [str(number) for number in WIDE.values()]
POPUP = WINDOW | WIDE | {"handle": 77, "class_name": "#32768", "title": ""}


@pytest.fixture
def easel(tmp_path: Path) -> Iterator[Easel]:
    with standing(tmp_path, TABLET) as easel:
        easel.paint()
        yield easel


@pytest.fixture
def said() -> Said:
    said = Said(control(17, "Button", text="Bin"), windows=[WINDOW | WIDE])
    said.controls[0] = root(**WIDE)
    return said


@pytest.fixture
def desktop(said: Said, easel: Easel) -> Desktop:
    def spawn(words: object) -> None:
        raise AssertionError(words)

    return Desktop(DesktopHelper(said), spawn, easel.baselines, lambda: easel.screen)  # type: ignore[arg-type]


@pytest.fixture
def window(desktop: Desktop) -> Window:
    return desktop.window(title="Ordering")


@pytest.fixture
def icon(easel: Easel) -> Any:
    """A picture that is in the window once, and once beside it."""
    from PIL import Image

    icon = Image.linear_gradient("L").resize((16, 16)).convert("RGB")
    screen = easel.pictures[0]
    for place in ((150, 90), (500, 90)):
        screen.paste(icon, place)
    return icon


def test_a_picture_is_clicked_where_it_is_with_the_window_in_front(window: Window, said: Said, icon: Any) -> None:
    window.get_by_image(icon).double_click()

    assert [["front", "16", *HERE], ["spot", "16", *HERE, "158", "98", "left", "2"]] == said.done


def test_a_picture_may_be_a_file_beside_the_test(window: Window, easel: Easel, icon: Any) -> None:
    icon.save(easel.baselines.find("icon.png"))

    assert (150, 90, 16, 16) == window.get_by_image("icon.png").rectangle()
    with pytest.raises(UsageError, match=r"none\.png"):
        window.get_by_image("none.png").click()


def test_there_has_to_be_one_unless_one_is_chosen(window: Window, easel: Easel, icon: Any) -> None:
    easel.pictures[0].paste(icon, (150, 140))
    spot = window.get_by_image(icon)

    assert 2 == spot.count()
    with pytest.raises(
        DesktopError, match=r"2 are seen, choose by nth\(\):\n- at \(150, 90, 16, 16\)\n- at \(150, 140"
    ):
        spot.click()
    assert (90, 140) == (spot.nth(0).rectangle().top, spot.nth(-1).wait().top)
    assert "window(title='Ordering').get_by_image(...).nth(1)" == repr(spot.nth(1))


def test_what_fits_best_is_told_where_none_is(window: Window, icon: Any) -> None:
    with pytest.raises(TimedOut, match=r"there is none; where it fits best, at \(\d+, \d+\), [\d.]+% differ"):
        window.get_by_image(icon.rotate(90)).click(timeout=SHORT)


def test_what_changes_is_not_clicked_until_it_stands_still(window: Window, said: Said, easel: Easel, icon: Any) -> None:
    moved = easel.pictures[0].copy()
    moved.paste(0, (150, 90, 166, 106))
    moved.paste(icon, (200, 90))
    easel.pictures.append(moved)
    window.get_by_image(icon).click()

    assert [["spot", "16", *HERE, "208", "98", "left", "1"]] == [words for words in said.done if words[0] == "spot"]


def test_a_window_beyond_the_edge_is_out_of_view(window: Window, said: Said, icon: Any) -> None:
    said.controls[0] = root(**WIDE | {"left": 5000})

    with pytest.raises(TimedOut, match="it is out of view"):
        window.get_by_image(icon).click(timeout=SHORT)


@pytest.mark.tool("tesseract")
def test_a_text_is_read_in_its_window_alone(window: Window, easel: Easel) -> None:
    easel.paint(Total_42=(150, 90), Total_43=(500, 90))

    assert 150 <= window.get_by_text("total 42").rectangle().left < 160
    with pytest.raises(TimedOut, match="there is none; what can be read: Total 42"):
        window.get_by_text("total 43").click(timeout=SHORT)


def test_it_is_dragged_once_both_stand_still(window: Window, said: Said, icon: Any) -> None:
    window.get_by_image(icon).drag_to(window.get_by(name="Bin"))
    window.get_by(name="Bin").drag_to(window.get_by_image(icon))

    drags = [words for words in said.done if words[0] == "drag"]
    assert ["158", "98", "17", "60", "35"] == drags[0][6:]
    assert ["60", "35", "16", "158", "98"] == drags[1][6:]


def test_what_is_missing_for_a_drag_is_told(window: Window, said: Said, icon: Any) -> None:
    with pytest.raises(TimedOut, match="of its target: there is none\n- Window"):
        window.get_by_image(icon).drag_to(window.get_by(name="Absent"), timeout=SHORT)
    said.refusals = [{"refused": "not now", "reason": "it is covered"}] * 1000
    with pytest.raises(TimedOut, match="it is covered"):
        window.get_by(name="Bin").drag_to(window, timeout=SHORT)


@pytest.mark.tool("tesseract")
def test_a_menu_is_walked_by_what_is_read(window: Window, said: Said, easel: Easel) -> None:
    easel.paint(File=(110, 55), New=(150, 100), Save_as=(150, 120))
    said.answers = [{}, WIDE | {"height": 24}]
    down = said.windows

    class Walked(list[Any]):
        """What is done opens the menu, and then closes it."""

        def append(self, words: Any) -> None:
            super().append(words)
            if words[0] == "spot":
                said.windows = [POPUP, *down] if words[1] == "16" else down

    said.done = Walked()
    window.menu("File", "Save as...")

    assert ["16", "77"] == [words[1] for words in said.done if words[0] == "spot"]
    assert ["front", "bar", "front", "spot", "front", "spot"] == [words[0] for words in said.done]


def test_an_entry_with_its_key_behind_it_is_the_one_of_its_text(window: Window, said: Said) -> None:
    """As UI Automation tells of it."""
    said.answers = [{}, WIDE | {"height": 24}]
    said.controls[0] = root(**WIDE, elements=[element(1, "MenuItem", "Save as...\tCtrl+Shift+S")])
    window.menu("Save as...")

    assert ["element", "42.16.1", "click"] == [said.done[2][0], *said.done[2][6:8]]


@pytest.mark.parametrize(
    ("answer", "told"),
    [({"refused": "silent", "reason": "it hangs"}, "it hangs"), ({"refused": "gone", "reason": "it went"}, "it went")],
)
def test_a_menu_that_cannot_be_closed_again_does_not_hide_why_it_failed(
    window: Window, said: Said, answer: dict[str, str], told: str
) -> None:
    said.refusals, said.answers = [{"refused": "never", "reason": "it has no menus"}], [answer]
    with pytest.raises(DesktopError, match="it has no menus") as error:
        window.menu("File", timeout=SHORT)
    (note,) = error.value.__notes__

    assert note.startswith("the menu may still be open: ")
    assert note.endswith(told)


def test_a_menu_that_does_not_open_is_left(window: Window, said: Said) -> None:
    with pytest.raises(UsageError, match="needs the names"):
        window.menu()
    said.answers = [{}, PLACE | {"height": 0}] * 1000
    with pytest.raises(TimedOut, match="it has no menu bar"):
        window.menu("File", timeout=SHORT)

    assert "cancel" == said.done[-1][0]


def test_what_is_expected_of_a_picture(window: Window, said: Said, easel: Easel, icon: Any) -> None:
    spot = window.get_by_image(icon)
    expect(spot).to_be_visible()
    expect(spot).to_have_count(1)
    expect(spot.nth(1)).to_be_hidden()
    expect(window.get_by(name="Absent").get_by_image(icon)).to_be_hidden()

    with pytest.raises(DesktopMismatch, match=r"expect\(window.*\)\.to_be_hidden\(\): not within 0.3 s; .*1 are seen"):
        expect(spot).to_be_hidden(timeout=SHORT)
    with pytest.raises(DesktopMismatch, match="where it fits best"):
        expect(window.get_by_image(icon.rotate(90))).to_be_visible(timeout=SHORT)
    said.refusals = [{"refused": "not now", "reason": "it is disabled"}] * 1000
    with pytest.raises(DesktopMismatch, match="it is disabled"):
        expect(spot).to_have_count(0, timeout=SHORT)


def failed_drag(window: Window) -> None:
    window.drag_to(window.get_by(name="Bin"), timeout=SHORT)


def failed_menu(window: Window) -> None:
    window.menu("File", timeout=SHORT)


def failed_expectation(window: Window) -> None:
    expect(window.get_by(name="Bin")).to_be_disabled(timeout=SHORT)


@pytest.mark.parametrize(
    ("action", "marked"),
    [(failed_drag, (9, 25)), (failed_menu, None), (failed_expectation, (9, 25))],
)
def test_all_that_fails_leaves_a_picture(
    window: Window, said: Said, desktop: Desktop, action: Any, marked: tuple[int, int] | None
) -> None:
    said.refusals = [{"refused": "not now", "reason": "it is covered"}] * 1000
    with pytest.raises((DesktopError, TimedOut)):
        action(window)
    failure: Any = desktop.failure

    assert failure is not None
    assert marked is None or failure.getpixel(marked) == (255, 0, 0)


def test_a_program_without_a_window_leaves_a_picture_with_the_new_windows_of_others(
    said: Said, helper: DesktopHelper, easel: Easel
) -> None:
    def spawn(words: object) -> Any:
        said.windows.append(WINDOW | PLACE | {"handle": 99, "process": 8, "ancestors": ""})
        return SimpleNamespace(running=True, pid=4711)

    desktop = Desktop(helper, spawn, easel.baselines, lambda: easel.screen)
    with pytest.raises(TimedOut, match=r"a window of app\.exe: .*these windows"):
        desktop.launch("app.exe", timeout=SHORT)
    failure: Any = desktop.failure

    assert (255, 0, 0) == failure.getpixel((PLACE["left"] - 1, 25))


def test_an_action_that_fails_leaves_a_picture_with_the_candidates_marked(
    window: Window, said: Said, desktop: Desktop
) -> None:
    said.controls += [control(18, "Button", text="Bin")]
    with pytest.raises(DesktopError, match="2 match"):
        window.get_by(name="Bin").click()
    failure: Any = desktop.failure
    red = (255, 0, 0)

    assert [red, (0, 0, 0)] == [failure.getpixel(place) for place in ((PLACE["left"] - 1, 25), (60, 35))]
    window.get_by(name="Bin").nth(0).click()
    assert desktop.failure is None


def test_a_guest_that_is_out_of_reach_leaves_a_picture_too(window: Window, said: Said, desktop: Desktop) -> None:
    def lost() -> None:
        raise ResidentLost("it ended in the middle of a call", begun=True)

    said.looks = [lost]
    with pytest.raises(ResidentLost):
        window.get_by(name="Bin").click()

    assert desktop.failure is not None
