"""`/takumi health`: how everything is, at a glance."""

from bot.domain import phrases
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.services.ports import Health, HealthState
from bot.services.registry import Services


async def look(_request: Request, services: Services) -> Reply:
    seen = await services.health.look()
    wrong = [health for health in seen if health.state is not HealthState.OK]
    summary = f"{len(seen) - len(wrong)} of {len(seen)} components are well."
    advice = [Text(f"{health.component}: {health.advice}") for health in wrong if health.advice]
    table = Table(("Component", "State", "What was seen", "Took"), tuple(_row(health) for health in seen))
    return Reply(Document(summary, [Text(summary), table, *advice]))


def _row(health: Health) -> tuple[str, ...]:
    return (health.component, health.state.value, health.detail, phrases.duration(health.took))


FAMILY = Family(
    "health",
    "How the platform is.",
    (Command("", "Look at backend, database, Redis, chain, S3 and disk.", look, example="health"),),
    Place.ANYWHERE,
)
