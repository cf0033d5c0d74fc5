"""What is recorded of one guest: for each test that uses it, from that test's beginning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.guest.screen.album import Album
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.plugin.trace.camera import Camera
from pytest_smolvm.plugin.trace.recorder import Recorder

if TYPE_CHECKING:
    from pytest_smolvm.vm import SmolVM

VIDEO = "video.png"
_PICTURE_SECONDS = stretched(5.0)


class Recording:
    """The steps that were taken in a guest, and a film of its screen.

    :param vm: the guest, which may be reverted meanwhile.
    :param trace: whether its steps are wanted.
    :param video: whether the film is.
    """

    def __init__(self, vm: SmolVM, *, trace: bool, video: bool) -> None:
        def pixels() -> bytes:
            return vm.screen.pixels(timeout=_PICTURE_SECONDS)

        self._trail = vm.trail
        self.spec = vm.spec
        """What was asked for."""
        self.recorder = Recorder(Album(pixels)) if trace else None
        self._camera = Camera(pixels) if video else None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what happens in the block."""
        with ExitStack() as stack:
            if self.recorder is not None:
                stack.callback(self.recorder.album.stop)
                stack.enter_context(self._trail.listening(self.recorder))
            if self._camera is not None:
                self._camera.start()
                stack.callback(self._camera.stop)
            yield

    def begin_anew(self) -> None:
        """Another test begins."""
        if self.recorder is not None:
            self.recorder.clear()
        if self._camera is not None:
            self._camera.begin_anew()

    def write_video(self, place: Path) -> list[str]:
        """Write the film into an existing directory.

        :returns: why it is not there.
        """
        if self._camera is None:
            return []
        try:
            why = self._camera.write(place / VIDEO)
        except OSError as exc:
            why = str(exc)
        return [f"{VIDEO}: {why}"] if why else []

    def close(self) -> None:
        """Let go of everything."""
        if self.recorder is not None:
            self.recorder.album.close()
        if self._camera is not None:
            self._camera.close()
