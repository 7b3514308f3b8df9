"""What an action acts on, and how it is reached."""

from dataclasses import dataclass, field
from enum import StrEnum


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


class Executor(StrEnum):
    """How the bot reaches the machine of a target."""

    LOCAL = "local"
    SSH = "ssh"
    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    NONE = "none"


@dataclass(frozen=True)
class Target:
    """A configured thing that runbooks may act on; secrets stay in the tools, found by the target's name.

    `address` is `host:port` for a database, a URL without credentials for anything else.
    """

    name: str
    kind: TargetKind
    environment: Environment
    address: str
    database: str = ""
    executor: Executor = Executor.NONE
    labels: dict[str, str] = field(default_factory=dict)
