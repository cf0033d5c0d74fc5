"""A guest that prints what it was told to, for tests of the host's half."""

from __future__ import annotations

from pytest_smolvm.guest.link.channels import Sink


class Printing:
    """Prints given pieces, whatever it is asked."""

    code_page = "cp437"

    def __init__(self, *pieces: tuple[str, bytes], code: int = 0, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.code = code
        self.error = error
        self.requests: list[str] = []

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        self.requests.append(request)
        for stream, piece in self.pieces:
            (on_stdout if stream == "out" else on_stderr)(piece)
        if self.error is not None:
            raise self.error
        return self.code
