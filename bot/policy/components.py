"""Which alerts speak of which component, so that one trouble is one message whoever saw it."""

from collections.abc import Mapping

from bot.domain.alerts import Alert, AlertGroup, Source
from bot.domain.risk import Severity

# Alertmanager's alert names -> the first word of the component that `/takumi health` shows.
COMPONENT_OF: Mapping[str, str] = {
    "APIDown": "Backend",
    "DatabaseConnectionFailure": "Database",
    "RedisConnectionFailure": "Redis",
    "BlockchainIndexerErrors": "Chain",
}
# How the fingerprints of what the bot itself saw begin.
OWN_LOOK = "health:"
# What the bot itself sees is never P0: one look from one place does not know who else is hit. Merging keeps the worse.
DOWN, NOT_WELL = Severity.P1, Severity.P2


def component_of(group: AlertGroup) -> str:
    """Empty for what is about no component, or about none that the bot looks at."""
    if group.source is Source.BOT:
        return group.labels.get("component", "").partition(" ")[0]
    return COMPONENT_OF.get(group.title, "")


def is_own_look(alert: Alert) -> bool:
    """Whether it is the bot's own, of which Alertmanager knows nothing, in whichever group."""
    return alert.fingerprint.startswith(OWN_LOOK)
