"""What a person should mend before the bot can be trusted, each with what mends it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.app import Bot
from bot.domain import phrases
from bot.domain.errors import BotError
from bot.domain.people import Role
from bot.installation import foreign_schemas
from bot.operations.archiving import PointInTime
from bot.services.ports import ChatUnavailable, HealthState
from bot.stores.migrate import check_schema

ENROL = (
    "Each types /takumi factor code (or: factor wallet <address>) and then factor show; two leads type "
    "/takumi factor vouch @them, and it is good after TAKUMI_BOT_ENROLMENT_WAIT."
)


@dataclass(frozen=True)
class Finding:
    """One look: `advice` is empty when there is nothing to mend."""

    about: str
    well: bool
    told: str
    advice: str = ""


async def examine(bot: Bot) -> list[Finding]:
    """Look at everything, and go on after what is not well."""
    await bot.pool.open()
    try:
        findings = [await _look("own database", bot, _database), await _look("Slack", bot, _slack)]
        findings += [await _look(f"role {role.label}", bot, _role(role)) for role in bot.settings.roles]
        findings += [await _look("approvals", bot, _approvals), await _look("proofs", bot, _proofs)]
        if bot.settings.pgbackrest_stanza:
            findings.append(await _look("pgBackRest", bot, _pgbackrest))
        return [*findings, *await _platform(bot)]
    finally:
        await bot.pool.close()


async def _look(about: str, bot: Bot, look: Callable[[Bot], Awaitable[str]]) -> Finding:
    try:
        return Finding(about, well=True, told=await look(bot))
    except BotError as error:
        return Finding(about, well=False, told=str(error), advice=error.hint)
    except ChatUnavailable as error:
        advice = "Check TAKUMI_BOT_SLACK_API_URL and the way out to it."
        return Finding(about, well=False, told=str(error), advice=advice)


async def _database(bot: Bot) -> str:
    await check_schema(bot.pool, foreign_schemas())
    return "answers, with this version's schema"


async def _slack(bot: Bot) -> str:
    name, team, channel, is_member = await bot.chat.introduce(bot.settings.channel)
    if not is_member:
        raise BotError(f"The bot is not in #{channel}.", hint=f"Type there: /invite @{name}")
    stand_in = " (a local stand-in, not Slack)" if bot.settings.slack_is_stand_in else ""
    return f"{name} in {team}{stand_in}, in #{channel}"


async def _approvals(bot: Bot) -> str:
    gaps = await bot.gaps()
    if gaps:
        raise BotError("; ".join(gaps) + ".", hint="Fill these roles in TAKUMI_BOT_ROLES or their user groups.")
    return "every policy can be satisfied"


async def _proofs(bot: Bot) -> str:
    found = await bot.enrolled()
    if found is None:
        return "no rule here asks for a proof beyond the Slack session"
    if found.gaps:
        raise BotError(f"{found.told}: {'; '.join(found.gaps)}.", hint=ENROL)
    return found.told


async def _pgbackrest(bot: Bot) -> str:
    """That the repository can be read, and that WAL which is written now reaches it."""
    return await PointInTime(await bot.toolbox()).check()


def _role(role: Role) -> Callable[[Bot], Awaitable[str]]:
    async def look(bot: Bot) -> str:
        members = await bot.chat.members(role)
        if not members:
            raise BotError("Nobody fills it.", hint="Add somebody to its Slack user group, or list user ids.")
        return phrases.count(len(members), "person", "people")

    return look


async def _platform(bot: Bot) -> list[Finding]:
    try:
        seen = await (await bot.health()).look()
    except BotError as error:
        return [Finding("platform", well=False, told=str(error), advice=error.hint)]
    return [Finding(health.component, health.state is HealthState.OK, health.detail, health.advice) for health in seen]
