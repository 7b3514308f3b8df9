"""Ports of 127.0.0.1: finding free ones below the range from which clients take theirs."""

import asyncio
import random
import socket
import time
from datetime import timedelta

from demo.children import Child
from demo.errors import CannotStartError

HOST = "127.0.0.1"
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether we could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """That many different ports on which nobody listens.

    Raises: CannotStartError when the machine has none left.
    """
    candidates = random.sample(_RANGE, len(_RANGE))
    found = [port for port, _ in zip((p for p in candidates if is_free(p)), range(count), strict=False)]
    if len(found) < count:
        raise CannotStartError("No free port is left on this machine between 20000 and 32000.")
    return found


async def wait_for_port(child: Child, port: int, patience: timedelta) -> None:
    """Return when something accepts on the port.

    Raises: CannotStartError when the child ends first, or does not listen in time.
    """
    deadline = time.monotonic() + patience.total_seconds()
    while not await accepts(port):
        if child.process.poll() is not None:
            raise CannotStartError(f"{child.program.name} ended while starting: {child.log_tail()}")
        if time.monotonic() > deadline:
            raise CannotStartError(f"{child.program.name} does not listen on port {port}: see {child.program.log}.")
        await asyncio.sleep(0.05)


async def wait_until_closed(ports: list[int], patience: timedelta) -> None:
    """Return when nothing accepts on any of them, or patience ends."""
    deadline = time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline and any([await accepts(port) for port in ports]):  # noqa: ASYNC110 - see below
        await asyncio.sleep(0.05)  # nobody tells us that a port has closed


async def accepts(port: int) -> bool:
    """Whether a connection to the port succeeds now."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return True  # the server closed first; it had accepted
    return True
