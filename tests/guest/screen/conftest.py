"""A screen on which a test paints: QEMU's part is played by a script, the rest is real."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.machine.display import Display
from tests.machine import scripted

TABLET = {"name": "QEMU Virtio Tablet", "index": 1, "current": True, "absolute": True}
MOUSE = {"name": "QEMU PS/2 Mouse", "index": 2, "current": True, "absolute": False}
SIZE = (640, 480)


@dataclass
class Easel:
    """What is on the screen, and what reached the devices."""

    baselines: Baselines
    asked: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Any] = field(default_factory=list)
    """Pillow's, one after another; the last one stays."""
    screen: Screen = field(init=False)

    def paint(self, size: tuple[int, int] = SIZE, **texts: tuple[int, int]) -> Any:
        """A black screen with white words, an underscore for each blank, at these places."""
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", size)
        draw = ImageDraw.Draw(picture)
        for text, place in texts.items():
            draw.text(place, text.replace("_", " "), fill="white")
        self.pictures[:] = [picture]
        return picture

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was sent to keyboard and pointer."""
        sent = (request["arguments"]["events"] for request in self.asked if request["execute"] == "input-send-event")
        return [event for events in sent for event in events]

    @property
    def typed(self) -> list[str]:
        """The keys, with a sign for down or up."""
        return [f"{'+' if event['data']['down'] else '-'}{event['data']['key']['data']}" for event in self.events]

    def show(self, request: dict[str, Any]) -> None:
        """What QEMU does when it is asked for a picture."""
        if request["execute"] == "screendump" and self.pictures:
            content = io.BytesIO()
            picture = self.pictures.pop(0) if len(self.pictures) > 1 else self.pictures[0]
            picture.save(content, request["arguments"]["format"])
            Path(request["arguments"]["filename"]).write_bytes(content.getvalue())


@contextmanager
def standing(tmp_path: Path, *mice: dict[str, Any]) -> Iterator[Easel]:
    """An easel on a machine with these pointing devices."""
    pytest.importorskip("PIL")
    easel = Easel(Baselines(lambda: tmp_path / "tests"))
    (tmp_path / "tests").mkdir()
    with scripted.machine(asked=easel.asked, act=easel.show, query_mice=[{"return": mice}]) as machine:
        easel.screen = Screen(Display(machine.monitor, tmp_path), easel.baselines)
        yield easel


@pytest.fixture(name="easel")
def _easel(tmp_path: Path) -> Iterator[Easel]:
    with standing(tmp_path, TABLET) as easel:
        easel.paint()
        yield easel
