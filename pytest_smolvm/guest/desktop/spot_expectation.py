"""What a test expects of a text or a picture that is only seen."""

from __future__ import annotations

from collections.abc import Callable

from pytest_smolvm.guest.desktop.spots import Spot
from pytest_smolvm.guest.desktop.waited import EXPECT_SECONDS, waited
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline


@tells(
    "desktop",
    lambda expectation: expectation._spot.search.place.helper.trail,
    lambda expectation: f"expect({expectation._spot!r})",
    waits=("to_be_visible", "to_be_hidden", "to_have_count"),
)
class SpotExpectation:
    """Waits until a text or a picture is seen as is expected, or fails the test, as `Expectation` does.

    It has no state besides: whether something is enabled or checked is expected of a control.

    :param spot: what it is expected of.
    """

    def __init__(self, spot: Spot) -> None:
        self._spot = spot

    def to_be_visible(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is seen, or one of them is."""
        self._until("to_be_visible()", lambda count: count > 0, timeout)

    def to_be_hidden(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is not seen, as where its window is closed."""
        self._until("to_be_hidden()", lambda count: count == 0, timeout)

    def to_have_count(self, count: int, *, timeout: float = EXPECT_SECONDS) -> None:
        """So many are seen; none are where the window is not there."""
        self._until(f"to_have_count({count})", lambda seen: seen == count, timeout)

    def _until(self, what: str, right: Callable[[int], bool], timeout: float) -> None:
        what = f"expect({self._spot!r}).{what}"

        def met(deadline: Deadline, candidates: list[Region]) -> tuple[bool, str]:
            places, said = self._spot.look(what, deadline)
            candidates[:] = places or []
            said = f"{len(candidates)} are seen; {said}" if places else said
            return places is not None and right(len(places)), said

        waited(self._spot.search.place, what, met, timeout)
