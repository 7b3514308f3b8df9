"""The demo's folder: one demo at a time, room on the disk, and what is remembered from start to start."""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.errors import CannotStartError
from demo.ports import free_ports, is_free

FREE_BYTES_NEEDED = 2 * 1024**3
_PORTS_SETTLE_SECONDS = 3.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone.

    Raises: CannotStartError when another demo holds it.
    """
    _prepare(folder)
    with (folder / "lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip()
            raise CannotStartError(f"Another demo (pid {holder}) uses {folder}: stop it first.") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # PostgreSQL's account passes through; what is secret has mode 0600
    except OSError as error:
        raise CannotStartError(f"The demo cannot keep its data in {folder}: {error.strerror}.") from error


def require_space(folder: Path) -> None:
    """Raises: CannotStartError when the disk has less room than the demo may need."""
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_NEEDED:
        raise CannotStartError(f"The disk of {folder} has {free / 1024**3:.1f} GB free, and the demo needs 2 GB.")


def fresh_logs(folder: Path) -> Path:
    """An empty folder for logs; those of the run before are kept beside it."""
    logs, previous = folder / "logs", folder / "logs.previous"
    shutil.rmtree(previous, ignore_errors=True)
    if logs.exists():
        logs.rename(previous)
    logs.mkdir()
    return logs


@dataclass
class Remembered:
    """Ports and secrets by name, in `demo.json`; a name that is asked for the first time gets a new one."""

    path: Path
    ports: dict[str, list[int]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Remembered":
        """Raises: CannotStartError when the file is damaged."""
        path = folder / "demo.json"
        if not path.exists():
            return cls(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, dict(content["ports"]), dict(content["secrets"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CannotStartError(
                f"{path} is damaged: `make demo-reset` forgets everything and begins anew."
            ) from error

    def save(self) -> None:
        partial = self.path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps({"ports": self.ports, "secrets": self.secrets}, indent=1), encoding="utf-8")
        partial.replace(self.path)

    def take_ports(self, counts: Mapping[str, int], fixed: Mapping[str, int]) -> None:
        """Decide every port: `fixed` ones as they are, remembered ones where they are still free, new ones else.

        Raises: CannotStartError when a fixed port is taken.
        """
        _let_settle([port for ports in self.ports.values() for port in ports])
        for name, count in counts.items():
            known = [fixed[name]] if name in fixed else self.ports.get(name, [])
            if name in fixed and not is_free(fixed[name]):
                raise CannotStartError(f"Port {fixed[name]} for the {name} is taken: free it, or choose another.")
            if len(known) != count or not all(is_free(port) for port in known):
                known = free_ports(count)
            self.ports[name] = known

    def port(self, name: str) -> int:
        return self.ports[name][0]

    def secret(self, name: str) -> str:
        return self.secrets.setdefault(name, secrets.token_urlsafe(18).replace("-", "x").replace("_", "y"))


def _let_settle(ports: list[int]) -> None:
    """After a kill, the servers of the run before may need a moment to end."""
    deadline = time.monotonic() + _PORTS_SETTLE_SECONDS
    while time.monotonic() < deadline and not all(is_free(port) for port in ports):
        time.sleep(0.05)
