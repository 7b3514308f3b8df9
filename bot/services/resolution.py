"""Which command somebody meant."""

from bot.domain import grammar
from bot.domain.catalog import Catalog
from bot.domain.commands import Command, Family
from bot.domain.errors import RequestError


def resolve(catalog: Catalog, slash: str, words: tuple[str, ...]) -> tuple[Family, Command, tuple[str, ...]]:
    """The command that the words name, and the words left over. Raises: RequestError with the nearest one."""
    name, rest = (words[0].lower(), words[1:]) if words else ("help", ())
    family = catalog.family(name)
    if family is None:
        near = grammar.nearest(" ".join([name, *(word.lower() for word in rest[:1])]), catalog.names())
        near = near or grammar.nearest(name, [known.name for known in catalog.families])
        raise RequestError(f"I do not know {name!r}.", hint=_did_you_mean(slash, near))
    if rest and (command := family.find(rest[0].lower())) is not None and command.verb:
        return family, command, rest[1:]
    if (command := family.find("")) is not None:
        return family, command, rest
    verbs = [command.verb for command in family.commands]
    if not rest:
        raise RequestError(f"{slash} {name} needs one of: {', '.join(verbs)}.", hint=f"For more: {slash} help {name}")
    near = grammar.nearest(rest[0], verbs)
    hint = _did_you_mean(slash, f"{name} {near}" if near else "")
    raise RequestError(f"{slash} {name} knows no {rest[0]!r}.", hint=hint)


def _did_you_mean(slash: str, near: str) -> str:
    return f"Did you mean {slash} {near}?" if near else f"{slash} help lists what there is."
