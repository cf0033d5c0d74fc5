"""Where paramiko is put right: what it would do is told from what ours does."""

from __future__ import annotations

import paramiko

from pytest_smolvm.guest.link.patches import PatchedFile, PatchedSftp


class Server:
    """An SFTP session whose server has answered so many requests, and no more."""

    def __init__(self, answered: int) -> None:
        self.sock = self
        self.answered = answered
        self.taken: list[int] = []
        self.asked = 0

    def recv_ready(self) -> bool:
        return len(self.taken) < self.answered

    def _async_request(self, *_: object) -> int:
        self.asked += 1
        return self.asked

    def _read_response(self, number: int) -> tuple[int, None]:
        assert number <= self.answered, "it waits for an answer that has not come"
        self.taken.append(number)
        return 101, None  # SSH_FXP_STATUS


def test_a_write_takes_the_answers_that_have_come_and_waits_for_none() -> None:
    server = Server(answered=40)
    file = PatchedFile(server, b"handle", "wb", 0)
    file.set_pipelined(True)

    for _ in range(130):
        file.write(b"x")

    assert server.asked == 130
    assert server.taken == list(range(1, 41))
    file._closed = True  # nobody is there to close it


class Session(PatchedSftp):
    """One whose server grants every file."""

    def __init__(self) -> None:
        self._cwd = None

    def _log(self, *_: object) -> None:
        pass

    def _request(self, *_: object) -> tuple[int, paramiko.Message]:
        answer = paramiko.Message()
        answer.add_string(b"handle")
        return 102, paramiko.Message(answer.asbytes())  # SSH_FXP_HANDLE


def test_a_session_opens_such_files() -> None:
    file = Session().open("/C:/x", "wb")

    assert isinstance(file, PatchedFile)
    file._closed = True
