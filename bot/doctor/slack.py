"""Slack: who the bot is there, what it may do, who fills the roles."""

from collections.abc import Awaitable, Callable

from bot.app import Bot
from bot.doctor.findings import Wrong
from bot.domain import phrases
from bot.domain.errors import BotError
from bot.domain.people import Role
from bot.slack.manifest import SCOPES

ENROL = (
    "Each types /takumi factor code (or: factor wallet <address>) and then factor show; two leads type "
    "/takumi factor vouch @them, and it is good after TAKUMI_BOT_ENROLMENT_WAIT."
)


async def channel(bot: Bot) -> str:
    name, team, found, is_member = await bot.chat.introduce(bot.settings.channel)
    if not is_member:
        raise BotError(f"The bot is not in #{found}.", hint=f"Type there: /invite @{name}")
    stand_in = " (a local stand-in, not Slack)" if bot.settings.slack_is_stand_in else ""
    return f"{name} in {team}{stand_in}, in #{found}"


async def scopes(bot: Bot) -> str:
    """Slack shows a bot token no manifest; but each answer names the scopes that the token has."""
    has, wanted = await bot.chat.scopes(), frozenset(SCOPES)
    mode = "--http ADDRESS" if bot.settings.slack_mode.value == "http" else "--socket"
    hint = f"Give the app what `python -m bot manifest {mode}` prints, and install it again."
    if missing := sorted(wanted - has):
        raise Wrong(f"The app lacks {', '.join(missing)}: {SCOPES[missing[0]]}", hint=hint)
    if more := sorted(has - wanted):
        raise Wrong(f"The app may do more than it needs: {', '.join(more)}.", hint=hint)
    return (
        f"{phrases.count(len(has), 'scope')}, as in the manifest; commands and events cannot be seen with a bot token"
    )


async def approvals(bot: Bot) -> str:
    gaps = await bot.gaps()
    if gaps:
        raise BotError("; ".join(gaps) + ".", hint="Fill these roles in TAKUMI_BOT_ROLES or their user groups.")
    return "every policy can be satisfied"


async def proofs(bot: Bot) -> str:
    found = await bot.enrolled()
    if found is None:
        return "no rule here asks for a proof beyond the Slack session"
    if found.gaps:
        raise BotError(f"{found.told}: {'; '.join(found.gaps)}.", hint=ENROL)
    return found.told


def role(bot: Bot, wanted: Role) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        members = await bot.chat.members(wanted)
        if not members:
            raise BotError("Nobody fills it.", hint="Add somebody to its Slack user group, or list user ids.")
        return phrases.count(len(members), "person", "people")

    return look
