"""Which runbooks an alert suggests, their fields filled from its labels."""

from collections.abc import Iterable

from bot.domain.alerts import Alert, AlertGroup
from bot.domain.catalog import Catalog
from bot.domain.documents import Button
from bot.policy.alert_routes import FIELD_OF_LABEL, RUNBOOKS_OF

MOST = 3
# Slack takes no more in a button's value.
MOST_CHARACTERS = 2000
SEPARATOR = "|"


def suggested(group: AlertGroup, alerts: Iterable[Alert], catalog: Catalog) -> tuple[Button, ...]:
    """A button each for what the rules name and then for what the route names, of the runbooks that there are."""
    named = [alert.annotations.get("runbook", "") for alert in alerts]
    names = dict.fromkeys([*named, *RUNBOOKS_OF.get(group.labels.get("alertname", group.title), ())])
    there = [name for name in names if name in catalog.runbooks][:MOST]
    return tuple(
        Button(catalog.runbooks[name].runbook.title, "runbook.open", _value(name, group, catalog)) for name in there
    )


def _value(name: str, group: AlertGroup, catalog: Catalog) -> str:
    """A label fills the field of its name alone; one that holds the separator could fill others, and fills none."""
    fields = catalog.runbooks[name].runbook.params.model_fields
    wanted = {FIELD_OF_LABEL.get(label, label): value for label, value in group.labels.items()}
    parts = [f"{field}={wanted[field]}" for field in fields if SEPARATOR not in wanted.get(field, SEPARATOR)]
    value = SEPARATOR.join((name, *parts))
    return value if len(value) <= MOST_CHARACTERS else name
