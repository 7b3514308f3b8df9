"""A real Prometheus with a rule that a test turns on and off, and a real Alertmanager."""

import asyncio
import json
import re
import shutil
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from demo.children import Child, Program, spawn, stop
from demo.ports import free_ports, wait_for_port

PATIENCE = timedelta(seconds=20)
# Waits as short as tests need them; nothing else of a file is changed.
QUICK = {"group_wait": "200ms", "group_interval": "500ms"}
RULES = Path("rules.yml")


def debian_program(package: str) -> str:
    """Skips where it is not installed."""
    found = shutil.which(package)
    if found is None:
        pytest.skip(f"{package} is not installed: nothing was alerted for real (apt-get install {package})")
    return found


def quick(text: str) -> dict[str, Any]:
    """An `alertmanager.yml` with short waits."""
    read: dict[str, Any] = yaml.safe_load(text)
    assert {"group_wait", "group_interval"} <= read["route"].keys()
    read["route"] |= QUICK
    return read


class Alertmanager:
    """One with this configuration; it keeps what it knows over a restart."""

    def __init__(self, folder: Path, port: int, configuration: dict[str, Any]) -> None:
        self.program, self.folder, self.port = debian_program("prometheus-alertmanager"), folder, port
        self.child: Child | None = None
        folder.mkdir()
        self.configure(configuration)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, configuration: dict[str, Any]) -> None:
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")

    async def start(self) -> None:
        arguments = [
            self.program,
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        self.child = spawn(Program("alertmanager", arguments, self.folder / "log", {}))
        await wait_for_port(self.child, self.port, PATIENCE)

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM)
            self.child = None

    async def get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v2/{path}") as answer:
            return await answer.json()

    async def hears_of_something(self) -> None:
        """Wait until Prometheus has told it of an alert (again): it forgets them when it is restarted."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while not await self.get("alerts"):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.1)

    async def active_silences(self) -> list[Any]:
        return [one for one in await self.get("silences") if one["status"]["state"] == "active"]


class Prometheus:
    """Evaluates its rules five times a second, and tells the Alertmanager every second."""

    def __init__(self, folder: Path, alertmanager_port: int) -> None:
        self.program, self.folder, (self.port,) = debian_program("prometheus"), folder, free_ports(1)
        self.child: Child | None = None
        folder.mkdir()
        self._firing: dict[str, dict[str, str]] = {}
        self._write()
        target = {"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}
        told = {
            "global": {"evaluation_interval": "200ms"},
            "rule_files": [str(RULES)],
            "alerting": {"alertmanagers": [target]},
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(told), encoding="utf-8")

    def _write(self) -> None:
        rules = [
            {
                "alert": name,
                "expr": "vector(1)",
                "labels": labels,
                "annotations": {"description": f"{name} of {labels.get('service', 'all')}."},
            }
            for name, labels in self._firing.items()
        ]
        groups = {"groups": [{"name": "tests", "rules": rules}]} if rules else {"groups": []}
        (self.folder / RULES).write_text(json.dumps(groups), encoding="utf-8")

    async def start(self) -> None:
        arguments = [
            self.program,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--rules.alert.resend-delay=1s",
        ]
        self.child = spawn(Program("prometheus", arguments, self.folder / "log", {}))
        await wait_for_port(self.child, self.port, PATIENCE)
        await self._ready()

    async def _ready(self) -> None:
        """A signal that comes before it has read its rules is lost."""
        async with asyncio.timeout(PATIENCE.total_seconds()), aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"http://127.0.0.1:{self.port}/-/ready") as answer:
                    if answer.ok:
                        return
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM)
            self.child = None

    def fire(self, name: str, **labels: str) -> None:
        self._firing[name] = labels
        self._reload()

    def settle(self, name: str) -> None:
        """Prometheus lets a rule that is gone end by itself: its alert expires after four resends."""
        del self._firing[name]
        self._reload()

    def _reload(self) -> None:
        self._write()
        assert self.child is not None
        self.child.process.send_signal(signal.SIGHUP)


def guides_file(text: str) -> str:
    """The guide's `alertmanager.yml`, as the guide prints it."""
    found = re.search(r"```yaml\n(# alertmanager\.yml\n.*?)```", text, re.DOTALL)
    assert found
    return found[1]
