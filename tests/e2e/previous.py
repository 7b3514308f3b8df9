"""The bot of an earlier release, from this repository's own history, and its successor on the same database."""

import io
import json
import subprocess
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from demo.children import Program, output_of, run_to_end, spawn
from demo.module_server import PROJECT, module_program
from tests.e2e.bots import BotUnderTest

RELEASE = "9f4d4d1"
# It compiles itself at its first start.
START_TIMEOUT = timedelta(minutes=2)


def unpack(folder: Path, release: str = RELEASE) -> Path:
    """That release's files, in this folder; skips the test where the history does not reach back so far."""
    made = subprocess.run(["git", "archive", release], cwd=PROJECT, capture_output=True, check=False)  # noqa: S607 - git is where the machine has it
    if made.returncode != 0:
        pytest.skip(f"the history does not reach back to {release}: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class PreviousBot(BotUnderTest):
    """Installed, migrated and served by the release in `folder`, with the libraries of this one."""

    folder: Path = PROJECT

    async def prepare(self) -> None:
        self.backups.mkdir(parents=True)
        words = ("manifest", "--socket", "--json", "--name", self.name, "--command", self.command)
        await self.install(json.loads(await output_of(self.program(*words, environment={}))))
        await run_to_end(self.program("migrate"))

    async def start(self) -> None:
        self.child = spawn(self.program("serve"))
        await self.ready(START_TIMEOUT)

    def program(self, *words: str, environment: dict[str, str] | None = None) -> Program:
        """A command of this release."""
        made = module_program("bot", words, self.log, self.environment() if environment is None else environment)
        return replace(made, folder=self.folder)

    def successor(self) -> "PreviousBot":
        """The release under test beside this one: the same app and database, another port and log."""
        made = PreviousBot(self.parts, self.name, self.command, mode=self.mode, channel=self.channel, **self._changes)
        made._demo = self._demo  # both are one app, with the same tokens
        made.log = self.log.with_name("successor.log")
        return made
