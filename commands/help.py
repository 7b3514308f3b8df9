"""`/takumi help`: what the asker may do."""

from pydantic import Field

from bot.domain import grammar
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Note, Part, Reply, Rich, Text
from bot.domain.errors import RequestError
from bot.domain.markup import bold, code, literal
from bot.domain.params import Params
from bot.services.people import can_ask
from bot.services.registry import Services


class AskHelp(Params):
    """What to explain."""

    about: str = Field("", description="A family of commands; without one, all that you may do.")


async def explain(request: Request, services: Services) -> Reply:
    about = request.params.about.lower()
    families = [family for family in services.catalog.families if about in ("", family.name)]
    if not families:
        near = grammar.nearest(about, [family.name for family in services.catalog.families])
        raise RequestError(f"There is no family {about!r}.", hint=f"Did you mean {near}?" if near else "")
    parts: list[Part] = [Text("What you may do here, and what needs a role that you do not fill.")]
    parts += [Rich(_family(family, request, services, with_usage=bool(about))) for family in families]
    slash = services.places.command
    parts.append(Note(f"{slash} help <family> shows parameters. In threads, mention the bot and type the same words."))
    return Reply(Document(f"What {slash} can do", parts))


def _family(family: Family, request: Request, services: Services, *, with_usage: bool) -> str:
    lines = [f"{bold(family.name)} \u2014 {literal(family.summary)}"]
    for command in family.commands:
        lines += _command(family, command, request, services, with_usage=with_usage)
    return "\n".join(lines)


def _command(family: Family, command: Command, request: Request, services: Services, *, with_usage: bool) -> list[str]:
    typed = " ".join(filter(None, [services.places.command, family.name, command.verb]))
    sign = "" if can_ask(request.person, command.risk) else " _(needs a role)_"
    line = f"\u2022 {code(typed)} {literal(command.summary)} _{command.risk.value}_{sign}"
    if not with_usage:
        return [line]
    model = services.catalog.parameters(command)
    fields = [f"    {code(name)} {literal(info.description or '')}" for name, info in model.model_fields.items()]
    usage = grammar.usage(model, command.positional)
    return [line, f"    {code(f'{typed} {usage}'.strip())}", *fields]


FAMILY = Family(
    "help",
    "What you may do.",
    (Command("", "Explain the commands.", explain, AskHelp, ("about",), example="help backup"),),
    Place.ANYWHERE,
)
