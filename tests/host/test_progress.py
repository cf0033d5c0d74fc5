"""What a long piece of work says on a terminal."""

from __future__ import annotations

import re
import threading

import pytest

from pytest_smolvm.host.progress import Lines, phase


def test_a_phase_says_that_it_begins_and_how_long_it_took() -> None:
    said: list[str] = []
    lines = Lines(said.append)

    with phase(lines, "baking"):
        lines.note("almost")

    assert ["baking ...", "almost"] == said[:2]
    assert re.fullmatch(r"baking: done in \d+\.\d s", said[2])


def test_a_phase_that_fails_says_so_and_is_over() -> None:
    said: list[str] = []
    lines = Lines(said.append)

    with pytest.raises(KeyboardInterrupt), phase(lines, "baking"):
        raise KeyboardInterrupt

    assert re.fullmatch(r"baking: failed after \d+\.\d s", said[1])
    assert not lines._running


def test_two_phases_of_one_name_end_one_at_a_time() -> None:
    said: list[str] = []
    lines = Lines(said.append)

    with phase(lines, "baking"), phase(lines, "baking"):
        pass

    assert ["baking ...", "baking ..."] == said[:2]
    assert 2 == sum("done in" in line for line in said)


def test_it_says_that_a_phase_lasts_until_that_is_over() -> None:
    lasting = threading.Event()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "so far" in line:
            lasting.set()

    lines = Lines(say, beat=0.01)
    with phase(lines, "baking"):
        assert lasting.wait(5)
        beat = lines._beat
    assert beat is not None
    beat.join(5)

    assert "baking ... 0 s so far" in said
    assert not beat.is_alive()
