"""What an action acts on, and how the machine of it is reached."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Environment(StrEnum):
    """What a mistake would cost: production is real, staging is not, demo stands on the local platform."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEMO = "demo"


class TargetKind(StrEnum):
    """What kind of thing a target is."""

    DATABASE = "database"
    REDIS = "redis"
    BACKEND = "backend"
    CHAIN = "chain"
    FRONTEND = "frontend"
    WEB = "web"


class ExecutorKind(StrEnum):
    """How the bot reaches the machine of a target."""

    LOCAL = "local"
    SSH = "ssh"
    COMPOSE = "compose"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    NONE = "none"


class Verb(StrEnum):
    """What can be asked of a service on a target."""

    STATUS = "status"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    RECREATE = "recreate"
    PROMOTE = "promote"
    RENEW = "renew"
    TRY_RENEWAL = "try-renewal"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SshReach(_Frozen):
    """A login whose key may do what its forced command allows; `known_hosts` is the file that knows the host's key."""

    host: str
    user: str
    key_file: Path
    known_hosts: Path
    port: int = Field(22, ge=1, le=65535)


class ComposeReach(_Frozen):
    """A compose project; `program` is v1's `docker-compose` or v2's `docker compose`."""

    file: Path
    project: str
    program: str = Field("docker compose", pattern=r"^(docker-compose|docker compose)$")


class KubernetesReach(_Frozen):
    """Deployments of a namespace, through the API server; the defaults are those of a pod's own service account."""

    namespace: str
    url: str = "https://kubernetes.default.svc"
    token_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    ca_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")


class Target(_Frozen):
    """A configured thing that runbooks may act on; secrets stay in files that only the executor opens.

    `services` are the only names that may be acted on, `verbs` the only things that may be asked of them.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    kind: TargetKind
    environment: Environment
    executor: ExecutorKind = ExecutorKind.NONE
    services: tuple[str, ...] = ()
    verbs: tuple[Verb, ...] = (Verb.STATUS,)
    ssh: SshReach | None = None
    compose: ComposeReach | None = None
    kubernetes: KubernetesReach | None = None

    @model_validator(mode="after")
    def _reached_as_it_says(self) -> Self:
        needs = {
            ExecutorKind.SSH: self.ssh,
            ExecutorKind.COMPOSE: self.compose,
            ExecutorKind.KUBERNETES: self.kubernetes,
        }
        if self.executor in needs and needs[self.executor] is None:
            raise ValueError(f"{self.name} is reached by {self.executor.value}: give its `{self.executor.value}`")
        return self

    @property
    def place(self) -> str:
        """Where it is, for people."""
        if self.executor is ExecutorKind.SSH and self.ssh:
            return f"{self.ssh.user}@{self.ssh.host}:{self.ssh.port}"
        if self.executor is ExecutorKind.COMPOSE and self.compose:
            return f"compose project {self.compose.project}"
        if self.executor is ExecutorKind.KUBERNETES and self.kubernetes:
            return f"namespace {self.kubernetes.namespace}"
        return {ExecutorKind.NONE: "nowhere"}.get(self.executor, "the bot's machine")
