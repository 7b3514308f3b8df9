"""Unit tests reach nothing: every socket but a Unix one (the event loop has a pair of its own) is an error."""

from collections.abc import Iterator

import pytest
import structlog
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True, scope="session")
def _plain_logs() -> None:
    """Lines without drawn tracebacks, which take longer to draw than most tests to run."""
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
