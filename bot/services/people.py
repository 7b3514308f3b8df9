"""Who somebody is, freshly looked up, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.errors import Refused
from bot.domain.people import Actor, Person, Surface
from bot.domain.risk import Risk
from bot.services.directory import Directory


@dataclass(frozen=True)
class People:
    """`aliases` joins several Slack accounts of one person into one principal: account -> principal."""

    chat: Directory
    team: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    def actor(self, slack_user: str, team: str) -> Actor:
        account = f"slack:{team or self.team}:{slack_user}"
        return Actor(self.aliases.get(account, account), Surface.SLACK, slack_user)

    async def look(self, slack_user: str) -> Person:
        """A fresh look. Raises: ChatUnavailable."""
        return await self.chat.person(slack_user)


def must_be_welcome(person: Person) -> None:
    """Raises: Refused for a guest, a stranger, a bot or somebody who left."""
    if person.refusal:
        raise Refused(
            f"You cannot use this bot: {person.refusal}.",
            hint="Ask a full member of this workspace to do it.",
        )


def may_ask(person: Person, risk: Risk) -> None:
    """Raises: Refused when somebody without a role asks for something that changes anything."""
    must_be_welcome(person)
    if risk is not Risk.READ_ONLY and not person.roles:
        raise Refused(
            f"This is a {risk.value} action, and you fill none of the configured roles.",
            hint="Ask to be added to the Slack user group of your role, or ask a colleague who is in one.",
        )


def can_ask(person: Person, risk: Risk) -> bool:
    """Whether `may_ask` would let them."""
    try:
        may_ask(person, risk)
    except Refused:
        return False
    return True
