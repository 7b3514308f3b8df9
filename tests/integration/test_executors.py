"""Executors against a real sshd with forced commands; `systemctl` there is a labelled stand-in."""

import getpass
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.operations import StepContext
from bot.domain.runbooks import RunInfo
from bot.domain.targets import Environment, ExecutorKind, SshReach, Target, TargetKind, Verb
from bot.operations.forced import authorized_key, forced_command
from bot.operations.tools.access import BackupPlaces, Platform
from bot.operations.tools.executors import OverSsh
from bot.operations.tools.toolbox import StepTools, Toolbox
from runbooks import act_on_service
from tests.servers import free_port

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(SSHD is None, reason="sshd is not installed here (apt-get install openssh-server)")

# STAND-IN for systemd's program: keeps each unit's state in a file, and notes what it was asked.
SYSTEMCTL = """#!/bin/sh
folder=$(dirname "$0")
echo "$@" >> "$folder/asked"
case "$1" in
is-active) state=$(cat "$folder/$2" 2> /dev/null || echo inactive); echo "$state"; [ "$state" = active ] ;;
restart|start) [ ! -e "$folder/$2.lies" ] && echo active > "$folder/$2"; exit 0 ;;
stop) echo inactive > "$folder/$2" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A machine that the bot reaches by SSH; its stand-in keeps what it was asked in `programs`."""

    target: Target
    programs: Path

    @property
    def ssh(self) -> OverSsh:
        assert self.target.ssh is not None
        return OverSsh(self.target, self.target.ssh)

    def asked(self) -> list[str]:
        file = self.programs / "asked"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def tools(self) -> StepTools:
        return toolbox_of(self.target).for_step(StepContext("run", "act", 1))


def toolbox_of(*targets: Target) -> Toolbox:
    platform = Platform((), "takumi", BackupPlaces(Path("/nowhere"), retention=timedelta()), targets=targets)
    return Toolbox(platform)


def target_at(folder: Path, port: int) -> Target:
    return Target(
        name="web-1",
        kind=TargetKind.WEB,
        environment=Environment.STAGING,
        executor=ExecutorKind.SSH,
        services=("nginx", "postgresql"),
        verbs=(Verb.STATUS, Verb.RESTART),
        ssh=SshReach(
            host="127.0.0.1",
            port=port,
            user=getpass.getuser(),
            key_file=folder / "key",
            known_hosts=folder / "known_hosts",
        ),
    )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An sshd of our own, whose only key has the forced command that the bot generates for this target."""
    programs = tmp_path / "programs"
    programs.mkdir()
    write_program(programs / "systemctl", SYSTEMCTL)
    (programs / "nginx").write_text("active\n", encoding="utf-8")
    target = target_at(tmp_path, free_port())
    assert target.ssh is not None
    for name in ("key", "host"):
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    script = tmp_path / "allowed"
    write_program(script, forced_command(target, f"{programs}:/usr/bin:/bin"))
    line = authorized_key(target, (tmp_path / "key.pub").read_text("utf-8"), str(script))
    (tmp_path / "authorized_keys").write_text(f"{line}\n", encoding="utf-8")
    host_key = " ".join((tmp_path / "host.pub").read_text("utf-8").split()[:2])
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{target.ssh.port} {host_key}\n", encoding="utf-8")
    daemon = started(tmp_path, target.ssh.port)
    yield Machine(target, programs)
    daemon.terminate()
    daemon.wait()


def write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The daemon as root's or a plain user's; as root it asks for a folder that Debian makes at boot."""
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(exist_ok=True)
    options = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "ListenAddress": "127.0.0.1",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "forced-commands-only",
    }
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in options.items()), "utf-8")
    assert SSHD is not None
    with (folder / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config", "-p", str(port)], stderr=log)
    while b"listening" not in (folder / "sshd.log").read_bytes():
        assert daemon.poll() is None, (folder / "sshd.log").read_text("utf-8")
        time.sleep(0.05)
    return daemon


async def test_an_allowed_command_runs_on_the_other_machine_and_its_state_is_looked_at(machine: Machine) -> None:
    assert (await machine.ssh.look("nginx")).running
    assert not (await machine.ssh.look("postgresql")).running
    assert (await machine.ssh.do(Verb.RESTART, "postgresql")).code == 0
    assert (await machine.ssh.look("postgresql")).running
    assert machine.asked() == [
        "is-active nginx",
        "is-active postgresql",
        "restart postgresql",
        "is-active postgresql",
    ]


FORBIDDEN = (
    "systemctl stop nginx",
    "systemctl restart nginx; id",
    "systemctl restart nginx\nid",
    "systemctl restart nginx && id",
    "systemctl  restart nginx",
    "systemctl restart 'nginx'",
    "systemctl restart $(id)",
    "systemctl restart *",
    "*",
    "",
    "sh",
    "/bin/sh -c id",
)


async def test_the_machine_itself_refuses_everything_that_is_not_on_its_list(machine: Machine) -> None:
    for words in FORBIDDEN:
        with pytest.raises(OperationFailed, match=r"(?s)does not allow .*: this command is not on the list"):
            await machine.ssh.ask(words)
    assert machine.asked() == []


async def test_a_stranger_on_the_other_end_gets_nothing(machine: Machine, tmp_path: Path) -> None:
    other = (tmp_path / "key.pub").read_text("utf-8").split()[1]
    assert machine.target.ssh is not None
    line = f"[127.0.0.1]:{machine.target.ssh.port} ssh-ed25519 {other}\n"
    (tmp_path / "known_hosts").write_text(line, encoding="utf-8")
    with pytest.raises(OperationFailed, match="is not reached at"):
        await machine.ssh.look("nginx")
    assert machine.asked() == []


async def test_the_key_gets_no_terminal_and_no_tunnel(machine: Machine) -> None:
    async with machine.ssh._connected() as connection:
        with pytest.raises(Exception, match=r"(?i)pty|session|denied|failed"):
            await connection.run("systemctl is-active nginx", term_type="xterm", check=True)
        with pytest.raises(Exception, match=r"(?i)prohibited|failed|denied"):
            await connection.open_connection("127.0.0.1", 1)


async def test_a_service_is_restarted_by_the_runbook_and_looked_at_afterwards(machine: Machine) -> None:
    params = act_on_service.ActOnService(target="web-1", service="postgresql")
    facts = await act_on_service.look_up(params, machine.tools())
    plan = act_on_service.plan(params, facts, RunInfo("run", AT))
    for step in plan.steps:
        await step.do.run(machine.tools())
    assert machine.asked()[-2:] == ["restart postgresql", "is-active postgresql"]


async def test_an_exit_code_of_zero_is_no_success(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.programs / "postgresql.lies").touch()
    monkeypatch.setattr("bot.operations.acting.LOOK_FOR", timedelta())
    params = act_on_service.ActOnService(target="web-1", service="postgresql")
    plan = act_on_service.plan(params, await act_on_service.look_up(params, machine.tools()), RunInfo("run", AT))
    await plan.steps[0].do.run(machine.tools())
    with pytest.raises(OperationFailed, match="postgresql is inactive, and should not be"):
        await plan.steps[1].do.run(machine.tools())


@pytest.mark.parametrize(
    ("changes", "service", "verb", "why"),
    [
        ({"executor": ExecutorKind.NONE}, "nginx", "restart", "web-1 has no executor: the bot cannot restart nginx"),
        ({}, "nginx", "reload", "web-1 does not allow reload"),
        ({}, "nginx", "recreate", r"\(ssh\) cannot recreate anything"),
        ({}, "redis", "restart", "web-1 has no service 'redis'"),
    ],
)
async def test_what_is_missing_is_named_before_anybody_is_asked(
    tmp_path: Path, changes: dict[str, object], service: str, verb: str, why: str
) -> None:
    target = target_at(tmp_path, 1).model_copy(update=changes)
    params = act_on_service.ActOnService.model_validate({"target": "web-1", "service": service, "verb": verb})
    with pytest.raises(Refused, match=why):
        await act_on_service.look_up(params, toolbox_of(target).for_look_up())
    with pytest.raises(RequestError, match="There is no target"):
        await act_on_service.look_up(params, toolbox_of().for_look_up())
