"""A server of ours that is started as `python -m MODULE` and listens on a port."""

import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from demo.children import Child, Program, spawn, stop
from demo.ports import HOST, wait_for_port

PROJECT = Path(__file__).parent.parent


class ModuleServer:
    """The API, the workspace, the bot: each in a process of its own."""

    def __init__(
        self, module: str, arguments: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.program = module_program(module, arguments, log, environment or {})
        self.port = port
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    async def start(self) -> None:
        self.child = spawn(self.program)
        await wait_for_port(self.child, self.port, timedelta(seconds=30))

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM)
            self.child = None


def module_program(module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Program:
    """The program `python -m module arguments` of this very interpreter, run in the project's folder."""
    command = [sys.executable, "-m", module, *arguments]
    return Program(module, command, log, {"PYTHONUNBUFFERED": "1"} | dict(environment), folder=PROJECT)
