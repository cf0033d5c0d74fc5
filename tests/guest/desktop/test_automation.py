"""UI Automation as the library asks it, in the practice guest's programs on this host.

Other programs' elements are seen by wine's own client. It has no patterns (10.0): those come from patterns.c, which takes
its place as far as that goes; the library, .NET's calls of COM and the provider in tests/booted are what they are elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from pytest_smolvm import DesktopError, TimedOut, Window, expect
from pytest_smolvm.errors import HostError
from pytest_smolvm.guest.commands import resident, run, spawned
from pytest_smolvm.guest.commands.fallback import PowerShells
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.host import programs
from pytest_smolvm.host.waiting import until
from tests.booted.programs import compiled, told
from tests.images.practice.powershell_host.test_resident import joined
from tests.images.practice.powershell_host.test_session import put
from tests.userland import practice_userland

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / "booted"
PROGRAM, ACCESSIBLE, PATTERNS = r"C:\T\drawn.exe", r"C:\T\accessible.exe", r"C:\T\patterns.dll"
LIBRARIES = ("-loleacc", "-lole32", "-loleaut32", "-luuid")
SHORT = 10.0  # seconds in which nothing comes
CLIENT = r"HKLM\Software\Classes\CLSID\{e22ad333-b25f-460c-83d0-0581107395c9}\InprocServer32"  # CUIAutomation8

pytestmark = [pytest.mark.slow, pytest.mark.tool("Xvfb"), pytest.mark.tool("x86_64-w64-mingw32-gcc")]


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of an X server."""
    log = tmp_path_factory.mktemp("screen") / "server.log"
    words = ["Xvfb", "-displayfd", "2", "-ac", "-noreset", "-nolisten", "tcp", "-screen", "0", "1280x800x24"]
    with programs.running(words, log=log):
        number = until("the X server", lambda: re.search(r"^(\d+)$", log.read_text(), re.MULTILINE), timeout=30)
        yield Path(f"/tmp/.X11-unix/X{number[1]}")  # noqa: S108 - where X servers have them


def _no_screen() -> Screen:
    raise HostError("there is no machine whose screen could be seen")


class Guest:
    """What a desktop takes of one, of the programs that run here."""

    def __init__(self, connection: Ssh, residents: PowerShells) -> None:
        self._connection = connection
        self._residents = residents
        self.hotline = Hotline(lambda: nullcontext(connection), self._run)
        self.desktop = Desktop(DesktopHelper(self.hotline), self._spawn, Baselines(lambda: HERE), _no_screen)

    def _run(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        shell = self._residents.via(self._connection)
        return run.run(self._connection, script, args=args, resident=shell, stdin=stdin, timeout=timeout)

    def _spawn(self, words: Sequence[GuestPath]) -> Spawned:
        return spawned.spawn(self._run, words)


@pytest.fixture(scope="module")
def desktop(screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    """One with the program, and with patterns."""
    directory = tmp_path_factory.mktemp("programs")
    library = compiled(HERE / "patterns.c", directory, "-shared", "-DCOBJMACROS", *LIBRARIES)
    drawn = compiled(PROGRAMS / "drawn.c", directory, *LIBRARIES)
    accessible = compiled(PROGRAMS / "accessible.c", directory, *LIBRARIES)
    with practice_userland(tmp_path_factory.mktemp("userland"), screen=screen) as connection:
        put(connection, PATTERNS, library.read_bytes())
        put(connection, PROGRAM, drawn.read_bytes())
        put(connection, ACCESSIBLE, accessible.read_bytes())
        run.run(connection, rf"reg add {CLIENT} /ve /d {PATTERNS} /f", shell="cmd").check()
        with joined(connection, resident.start(connection)) as guest:
            ours = Guest(connection, guest.shells)
            desktop = ours.desktop
            # Programs that are started before it would each start a shell of their own, which take the screen from each other.
            until("the shell", lambda: desktop.window(class_name="Shell_TrayWnd").count(), timeout=120, interval=1)
            yield desktop
            ours.hotline.forget()


@pytest.fixture
def window(desktop: Desktop, request: pytest.FixtureRequest) -> Iterator[Window]:
    """The program's; another's where the test says so."""
    shown = desktop.launch(getattr(request, "param", PROGRAM))
    yield shown
    assert shown.spawned is not None
    shown.spawned.kill()


def test_what_a_window_draws_is_told_with_its_states(window: Window) -> None:
    expect(window).to_match_tree("drawn.yaml")
    assert (None, "fixed") == (window.get_by(name="Password").text(), window.get_by(name="Locked").value())


def test_it_is_used_as_its_provider_has_it(window: Window) -> None:
    get_by = window.get_by
    get_by(name="Count").click()
    get_by(name="Agree").check()
    get_by(name="Agree").check()
    get_by(name="Agree").uncheck()
    get_by(name="Name").fill("Grün 😀")
    get_by(name="Fruit").select("Pear")
    get_by(name="File").expand()
    get_by(name="Save as...").click()

    assert ("Grün 😀", "Pear") == (get_by(name="Name").value(), get_by(name="Fruit").text())
    lines = ["invoked Count", "toggled Agree", "toggled Agree", "set Name", "selected Pear", "expanded File"]
    assert [*lines, "invoked Save as..."] == told(window)


def test_what_has_no_pattern_for_it_is_clicked_and_typed_into(window: Window) -> None:
    get_by = window.get_by
    get_by(name="Plum").click()  # out of view
    expect(get_by(name="Plum")).to_be_selected()
    get_by(name="Name").type("Ada")
    get_by(name="Name").press("ctrl+a")
    get_by(name="Name").type("é")

    assert "é" == get_by(name="Name").value()
    assert ["scrolled to Plum", "clicked Plum", "focused Name"] == told(window)[:3]


def test_it_is_waited_for_and_what_cannot_be_is_told(window: Window) -> None:
    get_by = window.get_by
    with pytest.raises(TimedOut, match="it is disabled"):
        get_by(name="Late").click(timeout=SHORT)
    get_by(name="Wake").click()
    get_by(name="Late").click()
    with pytest.raises(TimedOut, match="it does not say that it can be written to"):
        get_by(name="Locked").fill("x", timeout=SHORT)
    with pytest.raises(TimedOut, match="it has no such item, but: Apple, Pear, Plum"):
        get_by(name="Fruit").select("Fig", timeout=SHORT)
    with pytest.raises(DesktopError, match="does not expand it"):
        get_by(name="Count").expand()

    assert ["invoked Wake", "invoked Late"] == told(window)


def test_a_provider_that_shows_a_dialog_need_not_return_before_that_is_closed(desktop: Desktop, window: Window) -> None:
    window.get_by(name="Ask").click()
    with pytest.raises(TimedOut, match="what it is in is disabled, as by a dialog"):
        window.get_by(name="Count").click(timeout=SHORT)
    desktop.window(title="Question").get_by(name="No").click()
    window.get_by(name="Count").click()

    assert ["invoked Ask", "invoked Count"] == told(window)


@pytest.mark.parametrize("window", [ACCESSIBLE], indirect=True)
def test_a_program_of_active_accessibility_is_seen_in_the_same_way(window: Window) -> None:
    window.get_by(control_type="Button", name="Count").click()
    with pytest.raises(DesktopError, match="nothing tells whether it is checked"):  # nor does wine's bridge (10.0)
        window.get_by(control_type="CheckBox", name="Agree").check()

    assert "Read this" == window.get_by(control_type="Text").text()
    assert ["clicked Count"] == told(window)


def test_a_provider_that_hangs_costs_no_more_than_the_time_out(window: Window) -> None:
    window.get_by(name="Hang").click()
    began = time.monotonic()
    with pytest.raises(TimedOut, match="the window's provider for UI Automation does not answer"):
        window.tree(timeout=SHORT)

    assert time.monotonic() - began < 2 * SHORT
