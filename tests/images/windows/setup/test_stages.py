"""How an installation is followed, and how each way of getting stuck is told from the others. No machine is involved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_smolvm.errors import BuildError
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.images.windows.setup.diagnosis import Ending, diagnose
from pytest_smolvm.images.windows.setup.stages import Journey, Sight

MIB = 1 << 20
STALL = 600.0
SPECIALIZED = "SMOLVM-PHASE:specialize\r\nSMOLVM-STEP:drivers:ok\r\n"
LOGGED_ON = (
    SPECIALIZED + "SMOLVM-PHASE:specialized\r\nSMOLVM-PHASE:first-logon\r\nSMOLVM-STEP:openssh:failed: 0x800f0954\r\n"
)
INSTALLED = LOGGED_ON + "SMOLVM-PHASE:installed\r\n"

POWER_ON = Sight(at=1)
WINDOWS_PE = Sight(at=20, read=300 * MIB)
COPYING = Sight(at=60, read=900 * MIB, written=500 * MIB)
DEVICES = Sight(at=300, read=5000 * MIB, written=9000 * MIB, restarts=1)
FIRST_LOGON = replace(DEVICES, at=600, restarts=2, serial=LOGGED_ON)
DONE = replace(FIRST_LOGON, at=700, serial=INSTALLED)
WAY = (POWER_ON, WINDOWS_PE, COPYING, DEVICES, FIRST_LOGON, DONE)


def travelled(*sights: Sight) -> Journey:
    journey = Journey(STALL, 10_000)
    for sight in sights:
        assert journey.see(sight) is None
    return journey


def stuck(journey: Journey, last: Sight, *, moving: bool = False) -> Ending:
    """Nothing happens from `last` on; the screen stands still, or shows a progress ring."""
    for tick in range(1, int(STALL) + 10, 10):
        ending = journey.see(replace(last, at=last.at + tick, screen=str(tick) if moving else "same"))
        if ending is not None:
            return ending
    raise AssertionError("the journey never ended")


def test_the_good_way() -> None:
    """Every phase is recognised, and a power-off after our last mark is the good end."""
    journey, phases = Journey(STALL, 10_000), []
    for sight in WAY:
        assert journey.see(sight) is None
        phases.append(journey.phase)

    ending = journey.see(replace(DONE, at=710, ended=diagnosis.POWERED_OFF))

    assert phases == list(diagnosis.PHASES)
    assert journey.arrived
    assert ending is not None
    assert ending.how == diagnosis.POWERED_OFF
    assert journey.steps == {"drivers": "ok", "openssh": "failed: 0x800f0954"}


def test_a_first_start() -> None:
    """Nothing is installed: what is read comes from the system's own disk, and no key is pressed."""
    journey, phases = Journey(STALL, 10_000, installed=True), []
    for sight in (POWER_ON, WINDOWS_PE, COPYING, replace(FIRST_LOGON, restarts=1), DONE):
        assert journey.see(sight) is None
        assert not journey.at_prompt(sight)
        phases.append(journey.phase)

    assert phases == ["firmware", "getting devices ready", "getting devices ready", "first logon", "shutting down"]


@pytest.mark.parametrize(
    ("sights", "what", "advice"),
    [
        ((POWER_ON,), "the firmware started nothing from the disk within", "--firmware"),
        ((POWER_ON, WINDOWS_PE), "Windows shows a page that waits", "an answer file that is on the disk already"),
    ],
)
def test_a_first_start_that_gets_nowhere(sights: tuple[Sight, ...], what: str, advice: str) -> None:
    """There is no disc to have a look at."""
    journey = Journey(STALL, 10_000, installed=True)
    for sight in sights:
        assert journey.see(sight) is None

    told = diagnosis.diagnose(stuck(journey, sights[-1]))

    assert told[0].startswith(what)
    assert advice in told[1]


def test_a_first_start_on_the_wrong_devices() -> None:
    """A blue screen: it has no driver for the disk."""
    journey = Journey(STALL, 10_000, installed=True)
    ending = journey.see(replace(WINDOWS_PE, ended=diagnosis.CRASHED, detail="0x7B"))
    assert ending is not None

    assert "another --bus" in diagnosis.diagnose(ending)[1]


def test_the_prompt_is_answered_until_windows_is_on_the_disk() -> None:
    """A key in Setup itself could choose something; one at the restart after copying would start Setup over."""
    restarted = replace(WINDOWS_PE, at=40, restarts=1)
    again = replace(restarted, at=60, read=WINDOWS_PE.read + 300 * MIB)

    assert travelled(POWER_ON).at_prompt(POWER_ON)
    assert not travelled(POWER_ON, WINDOWS_PE).at_prompt(WINDOWS_PE)
    assert travelled(POWER_ON, WINDOWS_PE, restarted).at_prompt(restarted)
    assert not travelled(POWER_ON, WINDOWS_PE, restarted, again).at_prompt(again)
    assert not travelled(POWER_ON, WINDOWS_PE, COPYING).at_prompt(COPYING)
    assert not travelled(POWER_ON, WINDOWS_PE, COPYING, DEVICES).at_prompt(DEVICES)


def test_phases_never_go_back() -> None:
    """A restart's firmware reads nothing, which is no reason to be in the firmware again."""
    journey = travelled(POWER_ON, WINDOWS_PE, COPYING, DEVICES)

    journey.see(replace(DEVICES, at=310, restarts=1, serial="BdsDxe: starting Boot0002"))

    assert journey.phase == diagnosis.DEVICES


@pytest.mark.parametrize(
    ("way", "moving", "phase", "words"),
    [
        (WAY[:1], False, diagnosis.FIRMWARE, "firmware did not start the disc"),
        (WAY[:2], False, diagnosis.WINDOWS_PE, "seems to be asking something"),
        (WAY[:2], True, diagnosis.WINDOWS_PE, "copied nothing"),
        (WAY[:3], False, diagnosis.COPYING, "copying stopped"),
        (WAY[:4], False, diagnosis.DEVICES, "shows a message instead of getting its devices ready"),
        (WAY[:4], True, diagnosis.DEVICES, "getting devices ready took too long"),
        (WAY[:5], False, diagnosis.FIRST_LOGON, "first logon did not come to its end"),
        (WAY[:6], False, diagnosis.INSTALLED, "did not switch itself off"),
    ],
)
def test_stalls(way: tuple[Sight, ...], moving: bool, phase: str, words: str) -> None:
    """A stall in each phase ends with that phase and its own cause."""
    ending = stuck(travelled(*way), way[-1], moving=moving)

    what, advice = diagnose(ending)
    assert (ending.how, ending.phase) == (diagnosis.STALLED, phase)
    assert words in what
    assert advice


def test_a_blinking_cursor_is_a_still_screen() -> None:
    """Setup's field for the product key blinks; it is a question all the same."""
    journey = travelled(POWER_ON, WINDOWS_PE)
    ending = None
    for tick in range(1, 700, 10):
        ending = ending or journey.see(replace(WINDOWS_PE, at=20.0 + tick, screen=str(tick % 20)))

    assert ending is not None
    assert ending.still


def test_a_question_that_comes_up_late() -> None:
    """Setup's start moves on the screen; what counts is that it then stands still."""
    journey = travelled(POWER_ON, WINDOWS_PE)
    ending = None
    for tick in range(1, 700, 10):
        ending = ending or journey.see(
            replace(WINDOWS_PE, at=20.0 + tick, screen=str(tick) if tick < 250 else "question")
        )

    assert ending is not None
    assert ending.still


def test_slow_is_not_stuck() -> None:
    """A megabyte now and then is a sign of life, where a percentage moves."""
    journey = travelled(POWER_ON, WINDOWS_PE, COPYING)

    for step in range(1, 40):
        at, written = 60 + step * STALL * 0.9 / 4, COPYING.written + step * 2 * MIB
        assert journey.see(replace(COPYING, at=at, written=written, screen=f"{step} %")) is None


@pytest.mark.parametrize("rate", [0.04, 0.2, 2.0])
@pytest.mark.parametrize(
    ("way", "words"),
    [
        (WAY[:2], "seems to be asking something"),
        (WAY[:4], "shows a page that waits"),
        (WAY[:5], "shows a page that waits"),
        (WAY[:3], "shows a message instead of copying"),
        (WAY[:6], "did not switch itself off"),
    ],
    ids=["Windows PE", "devices", "first logon", "copying", "shutting down"],
)
def test_a_page_that_waits_while_windows_writes(way: tuple[Sight, ...], words: str, rate: float) -> None:
    """Told after the patience with silence, and so that it says for how long: not after the time for the whole."""
    ending = writing(travelled(*way), way[-1], rate, lambda at: f"page{at % 2}")

    assert ending.how == diagnosis.STALLED
    assert STALL <= ending.seconds <= STALL + 60
    assert words in diagnose(ending)[0] or rate < 0.1  # less than a MiB in all that time is nothing


@pytest.mark.parametrize("way", [WAY[:4], WAY[:5]], ids=["devices", "first logon"])
def test_busy_for_ever(way: tuple[Sight, ...]) -> None:
    """A page whose picture moves: told after some such times without a mark or a restart."""
    ending = writing(travelled(*way), way[-1], 2.0, str)

    assert ending.how == diagnosis.STALLED
    assert 3 * STALL <= ending.seconds <= 3 * STALL + 60
    assert "is busy and gets no further" in diagnose(ending)[0]


def test_steps_and_restarts_are_progress() -> None:
    """A still screen with marks on the serial port is our script at work."""
    journey = travelled(*WAY[:5])

    for number in range(1, 5):
        serial = FIRST_LOGON.serial + "".join(f"SMOLVM-STEP:{name}:ok\r\n" for name in range(number))
        assert journey.see(replace(FIRST_LOGON, at=600 + number * STALL * 0.9, serial=serial, screen="desktop")) is None
    assert journey.see(replace(FIRST_LOGON, at=600 + 4.5 * STALL, serial=serial, restarts=3, screen="desktop")) is None
    assert journey.see(replace(FIRST_LOGON, at=600 + 5.3 * STALL, serial=serial, restarts=3, screen="desktop")) is None


def test_copying_may_look_still() -> None:
    """A slow host shows one percentage for long; what is written counts there."""
    journey = travelled(*WAY[:3])

    for number in range(1, 40):
        sight = replace(
            COPYING, at=60 + number * STALL * 0.2, written=COPYING.written + number * 20 * MIB, screen="37 %"
        )
        assert journey.see(sight) is None


def writing(journey: Journey, last: Sight, rate: float, screen: Callable[[int], str]) -> Ending:
    """Windows writes `rate` MiB a minute from `last` on."""
    for tick in range(10, 10_000, 10):
        written = last.written + int(rate * MIB * tick / 60)
        ending = journey.see(replace(last, at=last.at + tick, written=written, screen=screen(tick)))
        if ending is not None:
            return ending
    raise AssertionError("the journey never ended")


def test_restarting_for_ever() -> None:
    """Before and after copying are two causes."""
    early = travelled(POWER_ON, WINDOWS_PE).see(replace(WINDOWS_PE, at=90, restarts=4))
    late = travelled(POWER_ON, WINDOWS_PE, COPYING, DEVICES).see(replace(DEVICES, at=900, restarts=5))

    assert early is not None
    assert "restarted 4 times without copying" in diagnose(early)[0]
    assert late is not None
    assert "restarted 5 times without getting any further" in diagnose(late)[0]


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (replace(WINDOWS_PE, ended=diagnosis.POWERED_OFF), "switched the computer off before it had copied"),
        (replace(DEVICES, ended=diagnosis.POWERED_OFF), "switched itself off before the set-up was done"),
        (replace(DEVICES, ended=diagnosis.CRASHED, detail="0x7b"), r"blue screen \(0x7b\)"),
        (replace(COPYING, ended=diagnosis.DISK_FULL), "disk of this host is full"),
        (replace(DEVICES, ended=diagnosis.SUSPENDED), "went to sleep"),
        (replace(DEVICES, serial="SMOLVM-FAILED:specialize\r\n"), "'specialize' could not be run"),
        (replace(POWER_ON, serial="BdsDxe: No bootable option or device was found."), "found nothing to start"),
        (replace(POWER_ON, serial="UEFI Interactive Shell v2.2"), "found nothing to start"),
        (replace(POWER_ON, at=300, serial="failed to start Boot0001: Security Violation"), "Secure Boot refused"),
    ],
)
def test_other_endings(sight: Sight, words: str) -> None:
    """What QEMU or the firmware says outright is believed at once."""
    journey = Journey(STALL, 10_000)
    journey.see(replace(sight, ended="", serial="", at=min(sight.at, 20)))

    ending = journey.see(sight)

    assert ending is not None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(diagnose(ending)[0])


def test_the_whole_time() -> None:
    """An installation that goes on for ever is ended, too."""
    journey = Journey(STALL, 1000)
    journey.see(COPYING)

    ending = journey.see(replace(COPYING, at=1001, written=900 * MIB))

    assert ending is not None
    assert ending.how == diagnosis.TIMED_OUT
    assert diagnose(ending)[0].startswith("not done within 1001 s")


def test_error_says_phase_cause_and_advice() -> None:
    """One error, three things a user needs."""
    error = BuildError("copying files", "copying stopped", "Compare the checksum.")

    assert str(error) == "the image could not be built (phase: copying files): copying stopped\nCompare the checksum."
