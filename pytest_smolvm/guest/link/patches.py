"""What paramiko gets wrong, put right."""

from __future__ import annotations

import paramiko

# paramiko before 3.1 writes each message that it sends out for an error's text, which it then drops: half of the time
# that an upload takes here (paramiko 2110, 2165). Not so with bytes; and later releases take nothing but messages.
_BARE = tuple(map(int, paramiko.__version__.split(".")[:2])) < (3, 1)


class PatchedTransport(paramiko.Transport):  # type: ignore[misc]  # it comes without types
    """A connection that sends bare bytes."""

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(_bare(data))


class PatchedSftp(paramiko.SFTPClient):  # type: ignore[misc]
    """An SFTP session that sends bare bytes."""

    def _send_packet(self, t: int, packet: paramiko.Message) -> None:
        super()._send_packet(t, _bare(packet))


def _bare(message: paramiko.Message) -> paramiko.Message | bytes:
    return message.asbytes() if _BARE and isinstance(message, paramiko.Message) else message
