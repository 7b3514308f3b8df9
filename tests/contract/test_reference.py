"""The documents that are made from the code are what the code would make now."""

from pathlib import Path

from bot.catalog import load
from bot.config import Settings, variable_of
from bot.reference import documents

DOCS = Path(__file__).parents[2] / "docs"


def test_settings_commands_and_runbooks_are_documented_as_they_are() -> None:
    made = documents(load(), Settings.model_fields, variable_of, DOCS)
    assert {path.name: path.read_text(encoding="utf-8") for path in made} == {
        path.name: text for path, text in made.items()
    }


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []


def test_every_command_and_runbook_parameter_says_what_it_is() -> None:
    catalog = load()
    models = {catalog.parameters(command) for _, command in catalog.every_command()}
    silent = [
        f"{model.__name__}.{name}"
        for model in models
        for name, info in model.model_fields.items()
        if not info.description
    ]
    assert silent == []


def test_every_command_has_an_example_that_names_it() -> None:
    for family, command in load().every_command():
        assert command.example.startswith(f"{family.name} {command.verb}".strip()), (family.name, command.verb)


def test_every_runbook_names_its_source_in_the_guide() -> None:
    assert [
        name for name, loaded in load().runbooks.items() if not loaded.runbook.source.startswith("Maintenance Guide")
    ] == []
