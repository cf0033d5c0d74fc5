"""Several guests at once, for one test."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.pool.pool import Pool, Reservation
from pytest_smolvm.vm import SmolVM


@contextmanager
def several(specs: list[GuestSpec], pool: Pool) -> Iterator[list[SmolVM]]:
    """Guests of these specs for the length of the block; room for them is granted to all or to none.

    :raises SmolVMError: as entering a :class:`SmolVM` does.
    """
    with ExitStack() as stack:
        places = pool.reserve(*specs)
        for place in places:
            stack.callback(place.release)
        vms = [SmolVM.of(spec, pool) for spec in specs]
        for vm in vms:
            stack.callback(vm.close)
        _start_all(vms, places)
        yield vms


def _start_all(vms: list[SmolVM], places: list[Reservation]) -> None:
    """Side by side: a guest that wakes, as one that boots, often waits.

    :raises SmolVMError: what one of them met; all the others have come up or failed by then, too.
    """
    if len(vms) == 1:
        vms[0]._start(places[0])
        return
    for place in places:
        place.prepare()
    with ThreadPoolExecutor(len(vms), thread_name_prefix="smolvm-start") as beside:  # waits for all, after Ctrl-C, too
        for start in [beside.submit(vm._start, place) for vm, place in zip(vms, places, strict=True)]:
            start.result()
