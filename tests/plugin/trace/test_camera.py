"""What films a screen beside the test, read back by Pillow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageSequence

from pytest_smolvm.plugin.trace.camera import Camera


def test_a_film_ends_with_what_was_seen_last_even_if_an_earlier_look_takes_long(tmp_path: Path) -> None:
    shades = iter([10, 200])

    def pixels() -> bytes:
        shade = next(shades)
        if shade == 10:
            assert camera._over.wait(10)  # QEMU answers this one when the guest is about to end
        return b"P6\n4 3\n255\n" + bytes([shade] * 36)

    camera = Camera(pixels)
    camera.start()
    camera.stop()
    camera.write(tmp_path / "film.png")
    camera.close()

    with Image.open(tmp_path / "film.png") as film:
        seen = [frame.convert("RGB").getpixel((0, 0)) for frame in ImageSequence.Iterator(film)]
    assert [(10, 10, 10), (200, 200, 200)] == seen
