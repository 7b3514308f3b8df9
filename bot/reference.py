"""The documents that are made from the code: settings, commands, runbooks, Alertmanager's file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.domain import grammar
from bot.domain.catalog import Catalog, Loaded
from bot.domain.commands import Family
from bot.policy.alertmanager_file import alertmanager_file

BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def documents(
    catalog: Catalog, fields: Mapping[str, FieldInfo], variable_of: Callable[[str], str], folder: Path
) -> dict[Path, str]:
    """What each file should say, by path; nothing is written."""
    operations = folder / "operations.md"
    return {
        operations: _between(operations.read_text(encoding="utf-8"), settings_table(fields, variable_of)),
        folder / "commands.md": commands_page(catalog),
        folder / "runbooks.md": runbooks_page(catalog),
        folder.parent / "deploy" / "alertmanager.yml": alertmanager_file(),
    }


def _between(text: str, made: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}{END}{after}"


def settings_table(fields: Mapping[str, FieldInfo], variable_of: Callable[[str], str]) -> str:
    lines = ["| Variable | Default | What it is |", "| --- | --- | --- |"]
    for name, info in fields.items():
        lines.append(f"| `{variable_of(name)}` | {_default(info)} | {_cell(info.description)} |")
    return "\n".join(lines) + "\n"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value: Any = info.get_default(call_default_factory=True)
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is None or value is PydanticUndefined or value in ("", (), {}):
        return "none"
    return f"`{getattr(value, 'value', value)}`"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


def commands_page(catalog: Catalog) -> str:
    """One section a family."""
    lines = [
        "# Commands",
        "",
        "Made by `python -m bot docs`. After a mention of the bot the same words work in threads.",
        "",
    ]
    for family in catalog.families:
        lines += [f"## {family.name}", "", f"{family.summary} Place: {family.place.value}.", ""]
        lines += ["| Command | What it does | Risk |", "| --- | --- | --- |"]
        lines += [_command_row(catalog, family, verb) for verb in range(len(family.commands))]
        lines.append("")
    return "\n".join(lines)


def _command_row(catalog: Catalog, family: Family, index: int) -> str:
    command = family.commands[index]
    typed = " ".join(filter(None, ["/takumi", family.name, command.verb]))
    usage = grammar.usage(catalog.parameters(command), command.positional)
    return f"| `{_cell(f'{typed} {usage}'.strip())}` | {_cell(command.summary)} | {command.risk.value} |"


def runbooks_page(catalog: Catalog) -> str:
    """One section a runbook."""
    lines = ["# Runbooks", "", "Made by `python -m bot docs`.", ""]
    for loaded in catalog.runbooks.values():
        lines += _runbook(loaded)
    return "\n".join(lines)


def _runbook(loaded: Loaded) -> list[str]:
    book = loaded.runbook
    lines = [f"## {book.name}", "", book.summary, ""]
    lines += [f"Risk: {book.risk.value}. Owner: {book.owner.label}. Source: {book.source}.", ""]
    lines += ["| Parameter | Default | What it is |", "| --- | --- | --- |"]
    fields = book.params.model_fields.items()
    lines += [f"| `{name}` | {_default(info)} | {_cell(info.description)} |" for name, info in fields]
    return [*lines, ""]
