"""The bot's own database: reached directly, with this version's schema, on another server than any target."""

from bot.app import Bot
from bot.config import Settings
from bot.doctor.findings import Wrong
from bot.doctor.machine import skew_of
from bot.doctor.scripts import psql_of
from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import Environment
from bot.installation import foreign_schemas, migrate_database
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


async def apart(toolbox: Toolbox) -> str:
    """That no target shares the bot's cluster: a restore or a restart of it would take the bot along."""
    own = toolbox.platform.own
    assert own is not None  # noqa: S101 - `bot.app` always gives it
    shared, unseen = [], []
    for access in toolbox.platform.clusters.values():
        try:
            async with toolbox.for_look_up().session(access, access.maintenance_database) as session:
                identifier = await session.value("SELECT system_identifier::text FROM pg_control_system()")
        except OperationFailed as error:
            unseen.append(f"{access.address} ({error})")
            continue
        if identifier == own.system_identifier and access.environment is Environment.PRODUCTION:
            shared.append(access.address)
    if shared:
        raise Wrong(
            f"The bot's own database is on the same server as production's {', '.join(shared)}.",
            hint="Give the bot a PostgreSQL of its own: what it keeps must survive what it acts on.",
        )
    if unseen:
        raise Wrong(f"It is not known whether they are apart: {'; '.join(unseen)}.", hint="Mend that first.")
    return "no production target is on its server"
