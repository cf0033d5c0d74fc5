"""A connection that one process leaves and another goes on with, since a login costs a guest more than most commands.

What a connection consists of is its socket, the keys that were agreed upon, and how much of each key stream is used
up. A connection of which that cannot be said is not left but closed; one that does not go on is made anew.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

import paramiko
from paramiko.auth_handler import AuthHandler

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.link.channels import BROKEN, Patience
from pytest_smolvm.guest.link.login import KEEPALIVE_SECONDS, transport_on
from pytest_smolvm.guest.link.patches import PatchedTransport
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.machine import Machine

_STOP_SECONDS = stretched(5.0)
_ANSWER_SECONDS = stretched(5.0)
_LENGTH = 4  # of a packet's length, which is not encrypted where the code is made of what is
# By which letters of RFC 4253, section 7.2, a client's keys are told apart: initial vector, key, code.
_DIRECTIONS = {"out": ("local", "sent", "A", "C", "E"), "in": ("remote", "received", "B", "D", "F")}

_NAMES = (
    *("local_cipher", "remote_cipher", "local_mac", "remote_mac", "local_compression", "remote_compression"),
    *("local_version", "remote_version", "host_key_type", "_channel_counter"),
)

State = dict[str, Any]
"""What another process needs besides the socket; it may be written as JSON, and holds the keys."""


def leave(ssh: Ssh) -> tuple[State, socket.socket] | None:
    """Use a connection no more, such that another process can go on with it; nothing must be going on over it.

    :returns: its state and socket; None if it was closed, as it cannot be gone on with.
    """
    transport, connection = ssh.handles
    try:
        _ask(transport, Deadline(_ANSWER_SECONDS))  # what the server had to say before has been dealt with then
        transport.packetizer.set_keepalive(0, nothing)
        transport.packetizer.close()
        transport.join(_STOP_SECONDS)
        return _state(transport), connection
    except (AttributeError, KeyError, TypeError, ValueError, GuestUnreachable, *BROKEN):  # another paramiko, or cipher
        ssh.close()
        return None


def resume(state: State, connection: socket.socket, machine: Machine) -> Ssh:
    """Go on with a connection that another process has left.

    :raises GuestUnreachable: it does not go on.
    """
    patience = Patience()
    transport = transport_on(connection, patience.answer, ResumedTransport)
    ssh = Ssh(transport, connection, machine.check, patience)
    try:
        transport.resume(state)
        _ask(transport, Deadline(_ANSWER_SECONDS))
    except (AttributeError, KeyError, TypeError, ValueError, *BROKEN) as exc:
        ssh.close()
        raise GuestUnreachable(f"the connection does not go on: {exc}") from exc
    except BaseException:
        ssh.close()
        raise
    return ssh


class ResumedTransport(PatchedTransport):
    """A connection that has its handshake behind it."""

    def resume(self, state: State) -> None:
        """Begin where another process has left it."""
        for name, value in state["names"].items():
            setattr(self, name, value)
        self.session_id, self.H = bytes.fromhex(state["session"]), bytes.fromhex(state["session"])
        self.host_key = self._key_info[self.host_key_type](paramiko.Message(bytes.fromhex(state["host_key"])))
        self.channels_seen = dict.fromkeys(state["seen"], True)
        self._ciphers(state["in"], self.remote_cipher, self._DECRYPT, self.packetizer.set_inbound_cipher)
        self._ciphers(state["out"], self.local_cipher, self._ENCRYPT, self.packetizer.set_outbound_cipher)
        for name in ("in", "out"):
            setattr(self.packetizer, f"_Packetizer__sequence_number_{name}", state[name]["packets"])
        self.auth_handler = AuthHandler(self)
        self.auth_handler.username = state["user"]
        self.auth_handler.authenticated = self.authenticated = self.initial_kex_done = self.active = True
        self.in_kex = False
        self.clear_to_send.set()
        self._skip_handshake()
        self.set_keepalive(KEEPALIVE_SECONDS)
        self.start()

    def _ciphers(self, state: State, name: str, operation: Any, use: Any) -> None:
        engine = self._get_cipher(name, bytes.fromhex(state["key"]), bytes.fromhex(state["vector"]), operation)
        engine.update(bytes(state["used"]))
        code = self._mac_info[state["code"]]
        etm = "etm@openssh.com" in state["code"]
        more = {"sdctr": True} if operation is self._ENCRYPT else {}
        size = self._cipher_info[name]["block-size"]
        use(engine, size, code["class"], code["size"], bytes.fromhex(state["code_key"]), etm=etm, **more)

    def _skip_handshake(self) -> None:
        """What the thread of a new connection does first, it does not do: it is replaced for one time."""
        for owner, name in (
            (self.packetizer, "write_all"),
            (self.packetizer, "start_handshake"),
            (self, "_check_banner"),
            (self, "_send_kex_init"),
            (self, "_expect_packet"),
        ):
            setattr(owner, name, _once_nothing(owner, name))


def _once_nothing(owner: object, name: str) -> Any:
    def skip(*_: object) -> None:
        delattr(owner, name)  # and the class's own is back

    return skip


def _ask(transport: paramiko.Transport, deadline: Deadline) -> None:
    """Have the server answer, whatever it says."""
    over, broken = threading.Event(), threading.Event()

    def ask() -> None:
        try:
            transport.global_request("keepalive@smolvm", wait=True)
        except BROKEN:  # it has ended as we asked, and its own thread may not know yet
            broken.set()
        over.set()

    threading.Thread(target=ask, name="smolvm-ask", daemon=True).start()
    if not over.wait(deadline.left) or broken.is_set() or not transport.is_active():
        raise GuestUnreachable("the guest's SSH server does not answer")


def _state(transport: paramiko.Transport) -> State:
    if transport.is_alive() or transport.local_compression != "none" or transport.remote_compression != "none":
        raise ValueError("it cannot be said how it is to be gone on with")
    transport.K, transport.kex_engine = transport.secret
    return {
        "names": {name: getattr(transport, name) for name in _NAMES},
        "user": transport.auth_handler.get_username(),
        "session": transport.session_id.hex(),
        "host_key": transport.host_key.asbytes().hex(),
        "seen": list(transport.channels_seen),
        **{name: _direction(transport, name) for name in _DIRECTIONS},
    }


def _direction(transport: paramiko.Transport, name: str) -> State:
    """The keys of one direction, and how much of its key stream is used up."""
    side, counted, vector, key, code_key = _DIRECTIONS[name]
    cipher, code = getattr(transport, f"{side}_cipher"), getattr(transport, f"{side}_mac")
    if not cipher.endswith("-ctr"):
        raise ValueError(f"{cipher} has no key stream that one can go on with")
    sizes, kind = transport._cipher_info[cipher], transport._mac_info[code]
    packets = getattr(transport.packetizer, f"_Packetizer__{counted}_packets")
    plain = kind["size"] + (_LENGTH if "etm@openssh.com" in code else 0)
    return {
        "vector": transport._compute_key(vector, sizes["block-size"]).hex(),
        "key": transport._compute_key(key, sizes["key-size"]).hex(),
        "code": code,
        "code_key": transport._compute_key(code_key, kind["class"]().digest_size).hex(),
        "used": getattr(transport.packetizer, f"_Packetizer__{counted}_bytes") - packets * plain,
        "packets": getattr(transport.packetizer, f"_Packetizer__sequence_number_{name}"),
    }
