"""How urgent an alert is, from its name and Alertmanager's own three severities."""

from collections.abc import Mapping

from bot.domain.risk import Severity

# Names that the platform's rules are known to use. Source: facts, Services.
SEEN_ALERTS: tuple[str, ...] = (
    "APIDown",
    "DatabaseConnectionFailure",
    "RedisConnectionFailure",
    "HighErrorRate",
    "HighMemoryUsage",
    "HighCPUUsage",
    "BlockchainIndexerErrors",
    "UnauthorizedAdminAccess",
)

# Critical alerts that stop everybody, or mean that somebody is inside; any other critical alert is P1.
MOST_URGENT: frozenset[str] = frozenset({"APIDown", "DatabaseConnectionFailure", "UnauthorizedAdminAccess"})

# What is suggested beside what the rule's own `runbook` annotation names; only what the catalog has is shown.
RUNBOOKS_OF: Mapping[str, tuple[str, ...]] = {
    "APIDown": ("act-on-service",),
    "DatabaseConnectionFailure": ("act-on-service", "restore-database"),
    "RedisConnectionFailure": ("act-on-service",),
    "HighErrorRate": ("act-on-service",),
    "HighMemoryUsage": ("act-on-service",),
    "HighCPUUsage": ("act-on-service",),
    "BlockchainIndexerErrors": ("act-on-service",),
    "NoProvenBackup": ("backup-database", "prove-backup"),
}
# Labels that exporters call otherwise than runbooks call their fields.
FIELD_OF_LABEL: Mapping[str, str] = {"datname": "database"}

SEVERITY_OF_LABEL: Mapping[str, Severity] = {
    "critical": Severity.P1,
    "warning": Severity.P2,
    "info": Severity.P3,
}


def severity_of(alert: str, label: str) -> Severity:
    """The severity of an alert with this `alertname` and `severity` label.

    A label that nobody knows counts as critical: a misspelt one must not sleep until the morning.
    """
    severity = SEVERITY_OF_LABEL.get(label.strip().lower(), Severity.P1)
    if severity is Severity.P1 and alert in MOST_URGENT:
        return Severity.P0
    return severity
