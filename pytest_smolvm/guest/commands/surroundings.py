"""What a guest tells of itself to whoever has just come in."""

from __future__ import annotations

import re

from pytest_smolvm.errors import ImageError
from pytest_smolvm.guest.commands.decoding import codec
from pytest_smolvm.guest.commands.shells import Transport
from pytest_smolvm.guest.link.channels import ANSWER_SECONDS

# The same for every shell but cmd.exe is a line that it cannot read, or one with a percent sign in the answer.
_QUESTION = r"echo %ComSpec%& reg.exe query HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage /v OEMCP"
_CODE_PAGE = re.compile(rb"OEMCP\s+REG_SZ\s+(\d+)")


def look_around(transport: Transport, timeout: float = ANSWER_SECONDS) -> str:
    """See whether the shell is the one that all is said to, and which code page the guest's programs print in.

    :param timeout: seconds.
    :returns: Python's name of the code page.
    :raises ImageError: sshd hands its commands to another shell than cmd.exe.
    """
    stdout, stderr = bytearray(), bytearray()
    code = transport.execute(_QUESTION, on_stdout=stdout.extend, on_stderr=stderr.extend, timeout=timeout)
    program = bytes(stdout).partition(b"\n")[0].strip()
    if b"%" in program or (not program and (code or stdout)):
        raise ImageError(
            r"the guest's sshd gives commands to another shell than cmd.exe: remove the value DefaultShell of the key"
            r" HKLM\SOFTWARE\OpenSSH from the image, and restart sshd or Windows. What the shell said: "
            + bytes(stdout + stderr).decode("utf-8", "replace").strip()[-500:]
        )
    found = _CODE_PAGE.search(stdout)
    return codec(found[1].decode() if found else "")
