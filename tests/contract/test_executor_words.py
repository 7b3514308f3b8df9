"""The words of each executor, and Kubernetes against answers recorded in shape from its documentation."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from bot.domain.actions import Answer, allowed_vectors, known_verbs, vector_of
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.targets import (
    ComposeReach,
    Environment,
    ExecutorKind,
    KubernetesReach,
    SshReach,
    Target,
    TargetKind,
    Verb,
)
from bot.operations.forced import authorized_key, forced_command
from bot.operations.tools import kubernetes
from bot.operations.tools.executors import state_of
from bot.operations.tools.kubernetes import RESTARTED_AT, Cluster

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ takumi-bot@ops"


def target(executor: ExecutorKind, **more: Any) -> Target:
    base: dict[str, Any] = {
        "name": "web-1",
        "kind": TargetKind.WEB,
        "environment": Environment.STAGING,
        "executor": executor,
        "services": ("backend",),
        "verbs": tuple(Verb),
    }
    return Target(**(base | more))


def compose(program: str) -> Target:
    reach = ComposeReach(file=Path("/srv/compose.yml"), project="takumi", program=program)
    return target(ExecutorKind.COMPOSE, compose=reach)


SSH = SshReach(host="web", user="takumi", key_file=Path("/k"), known_hosts=Path("/h"))
WORDS = [
    (target(ExecutorKind.LOCAL), Verb.RESTART, "systemctl restart backend"),
    (target(ExecutorKind.SSH, ssh=SSH), Verb.PROMOTE, "pg_ctl promote -D backend"),
    (target(ExecutorKind.SSH, ssh=SSH), Verb.TRY_RENEWAL, "certbot renew --dry-run --cert-name backend"),
    (target(ExecutorKind.DOCKER), Verb.STATUS, "docker inspect --format {{.State.Status}} backend"),
    (
        compose("docker-compose"),
        Verb.RECREATE,
        "docker-compose --file /srv/compose.yml --project-name takumi up --detach --no-deps --force-recreate backend",
    ),
    (
        compose("docker compose"),
        Verb.STATUS,
        "docker compose --file /srv/compose.yml --project-name takumi ps --services --filter status=running",
    ),
]


@pytest.mark.parametrize(("where", "verb", "words"), WORDS, ids=lambda value: str(value)[:40])
def test_an_action_is_exactly_these_words(where: Target, verb: Verb, words: str) -> None:
    assert " ".join(vector_of(where, verb, "backend")) == words


@pytest.mark.parametrize("name", ["", "-rf", "a b", "a;b", "a\nb", "$(id)", "é"])
def test_a_name_that_a_program_could_misread_is_refused_even_where_it_is_configured(name: str) -> None:
    where = target(ExecutorKind.LOCAL, services=(name,))
    with pytest.raises(Refused, match="has no service"):
        vector_of(where, Verb.RESTART, name)


def test_a_target_says_how_it_is_reached_or_is_not_one() -> None:
    for kind in (ExecutorKind.SSH, ExecutorKind.COMPOSE, ExecutorKind.KUBERNETES):
        with pytest.raises(ValidationError, match=f"give its `{kind.value}`"):
            target(kind)


def test_every_kind_of_executor_but_none_can_at_least_look() -> None:
    assert [kind for kind in ExecutorKind if Verb.STATUS not in known_verbs(kind)] == [ExecutorKind.NONE]


def test_the_forced_command_lists_exactly_what_the_target_allows() -> None:
    where = target(ExecutorKind.SSH, ssh=SSH, verbs=(Verb.STATUS, Verb.RESTART), services=("backend", "nginx"))
    script = forced_command(where)
    listed = [line.split(") exec ")[1].removesuffix(" ;;") for line in script.splitlines() if ") exec " in line]
    assert listed == [" ".join(vector) for vector in allowed_vectors(where)]
    assert len(listed) == 4
    assert "eval" not in script
    assert authorized_key(where, PUBLIC) == f'command="/usr/local/lib/takumi-bot/web-1",restrict {PUBLIC}'
    for bad in ("", "ssh-ed25519", f'{PUBLIC}\ncommand="sh" {PUBLIC}', f'command="sh" {PUBLIC}'):
        with pytest.raises(RequestError, match="no public key"):
            authorized_key(where, bad)


@pytest.mark.parametrize("words", ["systemctl stop nginx", "systemctl restart nginx; id", "sh", "*", "", "a\nb"])
def test_the_script_runs_nothing_that_is_not_on_its_list(words: str) -> None:
    where = target(ExecutorKind.SSH, ssh=SSH, verbs=(Verb.RESTART,), services=("nginx",))
    asked = {"SSH_ORIGINAL_COMMAND": words}
    ended = subprocess.run(["/bin/sh", "-c", forced_command(where)], env=asked, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (126, b"")


@pytest.mark.parametrize(
    ("changes", "verb", "service", "why"),
    [
        (
            {"executor": ExecutorKind.NONE},
            Verb.STATUS,
            "backend",
            "web-1 has no executor: the bot cannot status",
        ),
        ({"verbs": (Verb.STATUS,)}, Verb.RESTART, "backend", "web-1 does not allow restart"),
        ({}, Verb.RECREATE, "backend", r"\(local\) cannot recreate anything"),
        ({}, Verb.RESTART, "redis", "web-1 has no service 'redis'"),
    ],
)
def test_what_a_target_lacks_is_refused_by_name(changes: dict[str, Any], verb: Verb, service: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        vector_of(target(ExecutorKind.LOCAL).model_copy(update=changes), verb, service)


def test_a_look_that_nobody_answered_is_no_state() -> None:
    assert state_of(compose("docker compose"), "backend", Answer(0, "redis backend")).running
    assert not state_of(compose("docker compose"), "backend", Answer(0, "redis")).running
    assert not state_of(target(ExecutorKind.LOCAL), "backend", Answer(3, "inactive")).running
    for where, answer in (
        (compose("docker compose"), Answer(1, "no such file")),
        (target(ExecutorKind.DOCKER), Answer(1, "running is not what this says")),
        (target(ExecutorKind.LOCAL), Answer(1, "")),
    ):
        with pytest.raises(OperationFailed):
            state_of(where, "backend", answer)


# RECORDED in shape from Kubernetes' API reference (apps/v1 Deployment), not from a cluster.
def deployment(ready: int, updated: int = 3, observed: int = 2) -> dict[str, Any]:
    return {
        "metadata": {"name": "backend", "generation": 2},
        "spec": {"replicas": 3},
        "status": {
            "observedGeneration": observed,
            "replicas": 3,
            "updatedReplicas": updated,
            "availableReplicas": ready,
        },
    }


class Api:
    """The API server's two answers, and what it was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (200, deployment(3))
        self.asked: list[tuple[str, str, str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, request.headers["Authorization"], body))
        return web.json_response(self.answer[1], status=self.answer[0])


@pytest_asyncio.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Api, Cluster]]:
    monkeypatch.setattr(kubernetes.ssl, "create_default_context", lambda **_: True)
    api, application = Api(), web.Application()
    application.router.add_route("*", "/{path:.*}", api.handle)
    (tmp_path / "token").write_text("the-token\n", encoding="utf-8")
    async with TestServer(application) as server:
        url = str(server.make_url("")).rstrip("/")
        reach = KubernetesReach(namespace="takumi", url=url, token_file=tmp_path / "token", ca_file=tmp_path / "ca")
        yield api, Cluster(target(ExecutorKind.KUBERNETES, kubernetes=reach), reach)


async def test_a_rollout_is_one_patch_and_is_over_when_all_of_it_is_new_and_there(api: tuple[Api, Cluster]) -> None:
    server, cluster = api
    assert (await cluster.look("backend")).running
    await cluster.do(Verb.RESTART, "backend")
    path = "/apis/apps/v1/namespaces/takumi/deployments/backend"
    assert [one[:3] for one in server.asked] == [(way, path, "Bearer the-token") for way in ("GET", "PATCH")]
    assert list(server.asked[1][3]["spec"]["template"]["metadata"]["annotations"]) == [RESTARTED_AT]
    for half in (deployment(2), deployment(3, updated=1), deployment(3, observed=1)):
        server.answer = (200, half)
        assert not (await cluster.look("backend")).running


async def test_what_kubernetes_refuses_is_said_in_its_words(api: tuple[Api, Cluster]) -> None:
    server, cluster = api
    server.answer = (403, {"kind": "Status", "message": 'deployments.apps "backend" is forbidden'})
    with pytest.raises(OperationFailed, match=r"403 to PATCH deployments/backend: .* is forbidden"):
        await cluster.do(Verb.RESTART, "backend")
    with pytest.raises(Refused, match=r"\(kubernetes\) cannot stop anything"):
        await cluster.do(Verb.STOP, "backend")
