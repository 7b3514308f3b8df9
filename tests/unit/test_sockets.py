"""The block on sockets that unit tests rest on does block."""

import asyncio
import socket

import pytest
from pytest_socket import SocketBlockedError

# pytest-socket warns before it raises, and a warning is an error here: already the block, but not its name.
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")


def test_a_unit_test_cannot_open_a_socket():
    with pytest.raises(SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9))


async def test_a_unit_test_cannot_connect_through_the_event_loop():
    with pytest.raises(SocketBlockedError):
        await asyncio.open_connection("127.0.0.1", 9)
