"""`python -m demo.workspace` as its own process: starts, is stopped, goes on where it was."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.workspace.client import Workspace
from tests.workspace_apps import Json, manifest


@contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Json]]:
    """The process and its one JSON line; killed if it does not end by itself."""
    command = [sys.executable, "-m", "demo.workspace", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline() or "{}")
    finally:
        process.kill()
        process.communicate()


async def test_it_prints_its_addresses_stops_on_sigterm_and_resumes(tmp_path: Path) -> None:
    with program("--data", str(tmp_path)) as (process, ready):
        async with Workspace(ready["page"], ready["workspace_token"]) as people:
            await people.install(manifest())
            await people.person("Aiko").say("remember me", "#takumi-alerts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    port = ready["page"].rstrip("/").rsplit(":", 1)[1]
    with program("--data", str(tmp_path), "--port", port) as (process, again):
        assert again == ready
        async with Workspace(again["page"], again["workspace_token"]) as people:
            said = await people.person("Aiko").messages("#takumi-alerts")
    assert [m["text"] for m in said] == ["remember me"]


async def test_killed_it_has_lost_nothing_it_had_time_to_write(tmp_path: Path) -> None:
    with program("--data", str(tmp_path)) as (process, ready):
        async with Workspace(ready["page"], ready["workspace_token"]) as people:
            await people.person("Aiko").say("remember me", "#takumi-alerts")
        snapshot = tmp_path / "workspace.json"
        while not (snapshot.exists() and "remember me" in snapshot.read_text()):
            assert process.poll() is None
        process.kill()
    assert json.loads(snapshot.read_text())["channels"]["C0ALERTS01"]["messages"]


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with program() as (_, ready):
        port = ready["page"].rstrip("/").rsplit(":", 1)[1]
        with program("--port", port, "--data", str(tmp_path)) as (second, _nothing):
            _out, said = second.communicate(timeout=10)
            assert second.returncode == 1
            assert said.startswith("The workspace cannot start:")
            assert "Traceback" not in said
            assert len(said.splitlines()) == 1
