"""`/takumi contacts` shows the guide's contacts, and nothing else in the bot knows them."""

from dataclasses import fields
from typing import Any

from bot.domain.commands import Request
from bot.domain.documents import Table
from bot.domain.params import NoParams
from bot.domain.runs import Origin
from bot.services.registry import Places, Services
from commands.contacts import FAMILY, UNCALLED, show
from tests.approving import AIKO, PEOPLE
from tests.guide import PROJECT, restated

GUIDE = restated("guide_tables.json")


async def shown() -> tuple[list[Table], str]:
    """The tables of the answer, and its texts."""
    unused: dict[str, Any] = {one.name: None for one in fields(Services)}
    services = Services(**unused | {"places": Places("/takumi", ("C1",))})
    request = Request("i1", AIKO, PEOPLE["UAIKO"], Origin("C1"), "contacts", NoParams())
    parts = (await show(request, services)).document.parts
    texts = [getattr(part, "text", "") for part in parts]
    return [part for part in parts if isinstance(part, Table)], "\n".join(texts)


async def test_the_guides_contacts_are_shown_as_it_prints_them() -> None:
    (contacts, _), said = await shown()
    assert [list(row) for row in contacts.rows] == GUIDE["contacts"]
    assert UNCALLED in said


async def test_who_is_called_is_the_guides_matrix() -> None:
    (_, called), _ = await shown()
    roles = [(severity, role.lower()) for severity, _, role in GUIDE["escalation"]]
    assert [(severity, role.lower()) for severity, _, role in called.rows] == roles


def test_the_contacts_are_known_to_nothing_that_could_write_to_them() -> None:
    files = [path for folder in ("bot", "commands", "runbooks") for path in (PROJECT / folder).rglob("*.py")]
    knowing = {str(path.relative_to(PROJECT)) for path in files if "policy.contacts" in path.read_text("utf-8")}
    assert knowing == {"commands/contacts.py"}


def test_everybody_may_ask_everywhere() -> None:
    assert (FAMILY.place.value, [command.runbook for command in FAMILY.commands]) == ("anywhere", [""])
