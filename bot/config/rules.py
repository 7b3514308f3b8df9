"""Who may do what, and when."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.domain.people import Role
from bot.domain.risk import Severity
from bot.domain.targets import Environment
from bot.policy.working_hours import read_hours


class RuleSettings(BaseModel):
    """Roles, clocks, calendar, glass and proofs."""

    environment: Environment = Field(
        Environment.PRODUCTION, description="What the platform below is: production, staging or demo."
    )
    time_zone: str = Field("UTC", description="The time zone of the calendar, such as Europe/Berlin.")
    schedules: dict[str, str] = Field(
        default_factory=dict,
        description='Other times than the guide\'s, as JSON: {"database-backup": "0 4 * * *"}; '
        "`/takumi schedule` lists the names.",
    )
    roles: dict[Role, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Who fills which role, as JSON: user group ids (S...) or user ids (U...) by role: "
        "developer, team_lead, engineering_lead, cto, security.",
    )
    aliases: dict[str, str] = Field(
        default_factory=dict,
        description='Accounts of one person joined into one principal, as JSON: {"slack:T..:U..": "person"}.',
    )
    response_times: dict[Severity, timedelta] = Field(
        default_factory=dict,
        description='Other response times than the guide\'s matrix, as JSON: {"P1": "PT30M"}.',
    )
    working_hours: str = Field(
        "mon-fri 09:00-17:00", description="When the clocks of P2 and P3 requests run, in the time zone above."
    )
    holidays: tuple[date, ...] = Field((), description='Days off from that clock, as JSON: ["2026-12-25"].')
    maintenance_windows: tuple[str, ...] = Field(
        (),
        description='When what is disruptive or destructive may run, as JSON: ["mon-thu 09:00-16:00"]; none is always.',
    )
    production_rules_everywhere: bool = Field(
        default=False,
        description="true puts staging and the demo under production's rules of approval, to practise them: two "
        "people, a proof beyond the Slack session, the typed name. Nothing makes production's rules weaker.",
    )
    glass_runbooks: tuple[str, ...] = Field(
        (), description="The runbooks for which glass may be broken in an open P0 or P1, as JSON."
    )
    glass_people: tuple[str, ...] = Field(
        (), description='The principals who may break it, as JSON: ["slack:T..:U.."].'
    )
    factor_key: SecretStr | None = Field(
        None,
        description="The key of the one-time codes' secrets, 32 bytes in base64, kept outside the database; without it "
        "nobody enrols a code.",
    )
    enrolment_wait: timedelta = Field(
        timedelta(hours=24), description="How long a factor waits that two others spoke for, such as PT24H."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}; use a name such as Europe/Berlin") from None
        return value

    @field_validator("working_hours", "maintenance_windows")
    @classmethod
    def _known_hours(cls, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value:
            read_hours(text, "UTC")
        return value

    @field_validator("response_times")
    @classmethod
    def _positive_times(cls, value: dict[Severity, timedelta]) -> dict[Severity, timedelta]:
        if any(time <= timedelta() for time in value.values()):
            raise ValueError("a response time is longer than nothing")
        return value
