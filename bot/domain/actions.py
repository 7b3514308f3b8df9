"""What an executor is asked to do, as the argument vectors that do it: nothing else is ever run or allowed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bot.domain.errors import Refused
from bot.domain.targets import ExecutorKind, Target, Verb

Vector = tuple[str, ...]
# A name that every program and every shell reads as one word, and as no option.
SAFE_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/")
SAFE = SAFE_FIRST | frozenset("-.@:")

# Source: guide, Complete System Failure, SSL Certificate Renewal, Failover Procedures, Database Resources.
_SYSTEMD: dict[Verb, Vector] = {
    Verb.STATUS: ("systemctl", "is-active", "{}"),
    Verb.START: ("systemctl", "start", "{}"),
    Verb.STOP: ("systemctl", "stop", "{}"),
    Verb.RESTART: ("systemctl", "restart", "{}"),
    Verb.RELOAD: ("systemctl", "reload", "{}"),
    Verb.PROMOTE: ("pg_ctl", "promote", "-D", "{}"),
    Verb.RENEW: ("certbot", "renew", "--cert-name", "{}"),
    Verb.TRY_RENEWAL: ("certbot", "renew", "--dry-run", "--cert-name", "{}"),
}
# `restart` of compose does not read the environment again; `recreate` does (facts, Services).
_COMPOSE: dict[Verb, Vector] = {
    Verb.STATUS: ("ps", "--services", "--filter", "status=running"),
    Verb.START: ("up", "--detach", "--no-deps", "{}"),
    Verb.STOP: ("stop", "{}"),
    Verb.RESTART: ("restart", "{}"),
    Verb.RECREATE: ("up", "--detach", "--no-deps", "--force-recreate", "{}"),
}
_DOCKER: dict[Verb, Vector] = {
    Verb.STATUS: ("docker", "inspect", "--format", "{{.State.Status}}", "{}"),
    Verb.START: ("docker", "start", "{}"),
    Verb.STOP: ("docker", "stop", "{}"),
    Verb.RESTART: ("docker", "restart", "{}"),
}
_TABLES = {
    ExecutorKind.LOCAL: _SYSTEMD,
    ExecutorKind.SSH: _SYSTEMD,
    ExecutorKind.COMPOSE: _COMPOSE,
    ExecutorKind.DOCKER: _DOCKER,
}
_KUBERNETES = (Verb.STATUS, Verb.RESTART)


@dataclass(frozen=True)
class Answer:
    """What came back: an exit code, and what was said on both streams, shortened."""

    code: int
    told: str


@dataclass(frozen=True)
class ServiceState:
    """What a look at a service found, in the words of whoever was asked."""

    running: bool
    told: str


class Executor(Protocol):
    """Does what a target allows, and nothing else. Every method raises: Refused, OperationFailed."""

    async def do(self, verb: Verb, service: str) -> Answer: ...

    async def look(self, service: str) -> ServiceState: ...


def known_verbs(kind: ExecutorKind) -> tuple[Verb, ...]:
    """What this kind of executor is able to do at all."""
    return _KUBERNETES if kind is ExecutorKind.KUBERNETES else tuple(_TABLES.get(kind, {}))


def vector_of(target: Target, verb: Verb, service: str) -> Vector:
    """The argument vector of an action. Raises: Refused."""
    must_be_able(target, verb, service)
    if target.executor is ExecutorKind.KUBERNETES:
        return ("PATCH" if verb is Verb.RESTART else "GET", f"deployments/{service}")
    words = _TABLES[target.executor][verb]
    filled = tuple(service if word == "{}" else word for word in words)
    return (*_compose_of(target), *filled) if target.executor is ExecutorKind.COMPOSE else filled


def _compose_of(target: Target) -> Vector:
    reach = target.compose
    if reach is None:
        raise ValueError(f"{target.name} was validated without its compose project")
    return (*reach.program.split(), "--file", str(reach.file), "--project-name", reach.project)


def allowed_vectors(target: Target) -> Iterator[Vector]:
    """Every argument vector that the target allows: for a forced command, and for people to read."""
    for verb in target.verbs:
        for service in target.services:
            yield vector_of(target, verb, service)


def must_be_able(target: Target, verb: Verb, service: str) -> None:
    """Raises: Refused, naming the executor or the capability that is missing, and what gives it."""
    if target.executor is ExecutorKind.NONE:
        raise Refused(
            f"{target.name} has no executor: the bot cannot {verb.value} {service} there.",
            hint="Give it one in TAKUMI_BOT_TARGETS: local, ssh, compose, docker or kubernetes.",
        )
    if verb not in known_verbs(target.executor):
        able = ", ".join(one.value for one in known_verbs(target.executor))
        raise Refused(
            f"The executor of {target.name} ({target.executor.value}) cannot {verb.value} anything.",
            hint=f"It can: {able}. Another executor may do more.",
        )
    if verb not in target.verbs:
        raise Refused(f"{target.name} does not allow {verb.value}.", hint=_hint(target, "verbs", verb.value))
    if service not in target.services or not _is_safe(service):
        raise Refused(f"{target.name} has no service {service!r}.", hint=_hint(target, "services", service))


def _hint(target: Target, what: str, wanted: str) -> str:
    allowed = ", ".join(map(str, getattr(target, what))) or "none"
    return f"Its {what} in TAKUMI_BOT_TARGETS are: {allowed}. Add {wanted} there, if you mean it."


def _is_safe(name: str) -> bool:
    return bool(name) and name[0] in SAFE_FIRST and set(name) <= SAFE
