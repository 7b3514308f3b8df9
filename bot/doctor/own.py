"""The bot's own database: reached directly, with this version's schema, on another server than any target."""

from bot.app import Bot
from bot.config import Settings
from bot.doctor.findings import Wrong
from bot.doctor.machine import skew_of
from bot.doctor.scripts import psql_of
from bot.domain.errors import Misconfigured
from bot.domain.targets import Environment
from bot.installation import anchors_of, foreign_schemas, migrate_database
from bot.operations.apartness import must_be_apart
from bot.operations.tools.toolbox import Toolbox
from bot.stores.greeting import greet
from bot.stores.migrate import check_schema


async def database(bot: Bot) -> str:
    """Raises: Wrong with the SQL that makes it, or the command that brings its schema."""
    url = bot.settings.database_url.get_secret_value()
    try:
        greeting = await greet(url)
    except Misconfigured as error:
        if not error.facts["answered"]:
            hint = "Start it, or mend TAKUMI_BOT_DATABASE_URL."
            raise Wrong(f"It does not answer: {error}", hint=hint) from error
        raise Wrong(
            f"It does not let the bot in: {error}",
            hint="Let an administrator of that server run the SQL.",
            commands=(f"python -m bot grants own | {psql_of(url)}",),
        ) from error
    if not greeting.direct:
        raise Wrong(
            "It is reached through a pooler, which passes no notifications on and shares sessions.",
            hint="Let TAKUMI_BOT_DATABASE_URL (and those of the other roles) name the server itself.",
        )
    told = skew_of(greeting.clock, "its server")
    await _schema(bot)
    return f"PostgreSQL {greeting.version}, reached directly, with this version's schema; {told}"


async def _schema(bot: Bot) -> None:
    try:
        await check_schema(bot.pool, foreign_schemas())
    except Misconfigured as error:
        settings = bot.settings

        async def mend() -> str:
            return f"{len(await _migrated(settings))} migrations were applied."

        commands = ("python -m bot migrate",)
        raise Wrong(str(error), hint=error.hint, commands=commands, mend=mend) from error


async def _migrated(settings: Settings) -> list[str]:
    return await migrate_database(settings)


async def anchors(settings: Settings) -> str:
    """Raises: Wrong where production would refuse everything disruptive for want of a bucket; OperationFailed."""
    found = anchors_of(settings)
    if found is not None:
        return await found.look()
    if settings.environment is Environment.PRODUCTION:
        hint = "Make a bucket with Object Lock and versioning, and name it in TAKUMI_BOT_ANCHOR_BUCKET."
        raise Wrong("No bucket keeps the heads of the trail: nothing disruptive will be done.", hint=hint)
    return "none: outside of production the trail does without"


async def apart(toolbox: Toolbox) -> str:
    """That no production target shares the bot's cluster. Raises: Misconfigured, Wrong."""
    found = await must_be_apart(toolbox)
    if found.unseen:
        raise Wrong(f"It is not known whether they are apart: {'; '.join(found.unseen)}.", hint="Mend that first.")
    return "no production target is on its server"
