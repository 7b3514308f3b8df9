"""What a person should mend before the bot can be trusted, each with what mends it."""

from collections.abc import Sequence
from functools import partial

from bot.app import Bot
from bot.config import Settings
from bot.doctor import machine, own, platform, slack
from bot.doctor.adoption import look_up_adoption
from bot.doctor.findings import Finding, look, mended
from bot.domain.errors import BotError

__all__ = ["Finding", "examine"]

NOT_LOOKED = "It was not looked at: {}"


async def examine(settings: Settings, *, fix: bool = False) -> list[Finding]:
    """Look at everything, and go on after what is not well; with `fix`, mend what is safe to mend at once."""
    found = [await _done(await look(about, looking), fix) for about, looking in machine.looks(settings)]
    try:
        bot = Bot(settings)
    except BotError as error:
        return [*found, Finding("configuration", well=False, told=str(error), advice=error.hint)]
    await bot.pool.open()
    try:
        return [*found, *await _examine(bot, fix=fix)]
    finally:
        await bot.pool.close()


async def _examine(bot: Bot, *, fix: bool) -> Sequence[Finding]:
    database = await _done(await look("own database", partial(own.database, bot)), fix)
    found = [database, *await _slack(bot)]
    if not database.well:
        told = NOT_LOOKED.format("the bot's own database comes first.")
        return [*found, Finding("platform", well=False, told=told, advice="Mend the own database, then ask again.")]
    toolbox = await bot.toolbox()
    found += [await look("approvals", partial(slack.approvals, bot)), await look("proofs", partial(slack.proofs, bot))]
    found.append(await look("anchors", partial(own.anchors, bot.settings)))
    found.append(await look("own server", partial(own.apart, toolbox)))
    found += [await look(about, looking) for about, looking in platform.looks(toolbox, bot.catalog)]
    found += await _adoption(bot)
    return [*found, *await platform.health(toolbox)]


async def _adoption(bot: Bot) -> list[Finding]:
    try:
        return (await look_up_adoption(bot.settings, bot.store)).findings()
    except BotError as error:
        return [Finding("cron", well=False, told=str(error), advice=error.hint)]


async def _slack(bot: Bot) -> list[Finding]:
    found = [await look("Slack", partial(slack.channel, bot)), await look("scopes", partial(slack.scopes, bot))]
    return [*found, *[await look(f"role {role.label}", slack.role(bot, role)) for role in bot.settings.roles]]


async def _done(finding: Finding, fix: bool) -> Finding:
    return await mended(finding) if fix else finding
