"""Pictures that are taken in passing, by several threads and until the guest ends."""

from __future__ import annotations

import threading

from pytest_smolvm.guest.screen.album import Album

PPM = b"P6\n4 3\n255\n" + bytes(36)


def test_a_thread_that_takes_one_while_it_is_stopped_gets_one() -> None:
    class Late(bytes):
        """Is compared when another thread has just begun to end the album."""

        def __ne__(self, other: object) -> bool:
            ending.start()
            ending.join(0.5)  # with the album's lock held it cannot end
            return False

        __hash__ = bytes.__hash__

    pictures = iter([PPM, Late(PPM)])
    album = Album(lambda: next(pictures))
    ending = threading.Thread(target=album.stop)
    first = album.take()

    assert first is album.take()

    ending.join()
    assert album.png(first) is not None
    album.close()
