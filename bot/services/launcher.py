"""The launcher: a modal with a search over everything that somebody may start."""

from collections.abc import Mapping

from bot.domain.catalog import Catalog
from bot.domain.commands import Command
from bot.domain.documents import FieldKind, Form, FormField
from bot.domain.people import Person
from bot.domain.risk import Risk
from bot.domain.runs import Origin
from bot.services.people import can_ask

TITLE = "Find a runbook"
OPEN, CALLBACK = "launcher.open", "launcher.chosen"
RUNBOOK, COMMAND = "runbook", "command"


def launcher_form(catalog: Catalog, person: Person, origin: Origin) -> Form:
    """Runbooks first, then the looks that need no parameter; whoever may not start a thing does not see it."""
    books = [loaded.runbook for loaded in catalog.runbooks.values() if can_ask(person, loaded.runbook.risk)]
    choices = [(f"{RUNBOOK}:{book.name}", f"{book.title} ({book.risk.value})") for book in books]
    for family, command in catalog.every_command():
        if _is_a_look(catalog, command):
            words = f"{family.name} {command.verb}".strip()
            choices.append((f"{COMMAND}:{words}", f"{words}: {command.summary}"))
    field = FormField("what", "What do you want to do?", "Type to search.", FieldKind.CHOICE, tuple(choices))
    about = (("channel", origin.channel), ("thread", origin.thread))
    return Form(TITLE, "Open", CALLBACK, (field,), about=about)


def _is_a_look(catalog: Catalog, command: Command) -> bool:
    fields = catalog.parameters(command).model_fields.values()
    return command.risk is Risk.READ_ONLY and not any(field.is_required() for field in fields)


def chosen(values: Mapping[str, str]) -> tuple[str, str]:
    """(`runbook` or `command`, its name or words); empty words when nothing was chosen."""
    kind, _, name = values.get("what", "").partition(":")
    return kind, name
