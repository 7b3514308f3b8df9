"""Executors on this machine as real programs; compose itself is a labelled stand-in where Debian's is not."""

import shutil
from pathlib import Path

import pytest

from bot.domain.errors import OperationFailed
from bot.domain.targets import ComposeReach, Environment, ExecutorKind, Target, TargetKind, Verb
from bot.operations.tools.executors import OnThisMachine

# STAND-IN for docker-compose v1: notes its words and what it sees, and names what "runs".
COMPOSE = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
[ -z "$DB_PASSWORD" ] || echo "a secret came along" >> "$(dirname "$0")/asked"
case "$*" in
*" ps "*) echo backend ;;
*" restart redis") echo "no such service: redis" >&2; exit 1 ;;
esac
"""


def target(**more: object) -> Target:
    reach = ComposeReach(file=Path("/srv/takumi.yml"), project="takumi", program="docker-compose")
    base: dict[str, object] = {
        "name": "api",
        "kind": TargetKind.BACKEND,
        "environment": Environment.STAGING,
        "executor": ExecutorKind.COMPOSE,
        "services": ("backend", "redis"),
        "verbs": tuple(Verb),
        "compose": reach,
    }
    return Target.model_validate(base | more)


async def test_compose_is_asked_in_its_words_and_sees_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker-compose"
    program.write_text(COMPOSE, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DB_PASSWORD", "secret-of-the-bot")
    machine = OnThisMachine(target())
    assert (await machine.look("backend")).running
    assert not (await machine.look("redis")).running
    failed = await machine.do(Verb.RESTART, "redis")
    assert (failed.code, failed.told) == (1, "no such service: redis")
    assert (await machine.do(Verb.RECREATE, "backend")).code == 0
    project = "--file /srv/takumi.yml --project-name takumi"
    assert (tmp_path / "asked").read_text("utf-8").splitlines() == [
        f"{project} ps --services --filter status=running",
        f"{project} ps --services --filter status=running",
        f"{project} restart redis",
        f"{project} up --detach --no-deps --force-recreate backend",
    ]


async def test_a_program_that_this_machine_does_not_have_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for machine, program in ((OnThisMachine(target()), "docker-compose"), (systemd(), "systemctl")):
        with pytest.raises(OperationFailed, match=f"this machine has no {program}"):
            await machine.do(Verb.RESTART, "backend")


def systemd() -> OnThisMachine:
    return OnThisMachine(target(executor=ExecutorKind.LOCAL, compose=None))


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed here (apt-get install docker.io)")
async def test_a_docker_that_cannot_tell_is_no_stopped_container() -> None:
    machine = OnThisMachine(target(executor=ExecutorKind.DOCKER, compose=None, services=("takumi-not-there",)))
    with pytest.raises(OperationFailed, match="does not say how takumi-not-there is"):
        await machine.look("takumi-not-there")
