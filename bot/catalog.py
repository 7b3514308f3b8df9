"""Finding the commands and runbooks: every module of `commands/` and `runbooks/`, or the bot does not start."""

import hashlib
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

from bot.domain.catalog import Catalog, Loaded
from bot.domain.commands import Family
from bot.domain.errors import Misconfigured
from bot.domain.runbooks import Runbook

T = TypeVar("T")


def load() -> Catalog:
    """Import everything and check that it fits together. Raises: Misconfigured naming the file."""
    families = tuple(_thing(module, "FAMILY", Family) for module in _modules("commands"))
    books = [(_thing(module, "RUNBOOK", Runbook), module) for module in _modules("runbooks")]
    runbooks = {book.name: Loaded(book, _source_sha256(module)) for book, module in books}
    _check_unique([family.name for family in families], "command family")
    _check_unique([book.name for book, _ in books], "runbook")
    catalog = Catalog(tuple(sorted(families, key=lambda family: family.name)), runbooks)
    _check_references(catalog)
    return catalog


def _modules(package_name: str) -> list[ModuleType]:
    package = importlib.import_module(package_name)
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [_import(f"{package_name}.{name}") for name in names]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise Misconfigured(f"{name} cannot be loaded: {error}", hint="Mend or remove that file.") from error


def _thing(module: ModuleType, name: str, kind: type[T]) -> T:
    found = getattr(module, name, None)
    if not isinstance(found, kind):
        raise Misconfigured(
            f"{module.__name__} has no {name} of type {kind.__name__}.", hint="Mend or remove that file."
        )
    return found


def _source_sha256(module: ModuleType) -> str:
    return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()


def _check_unique(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Misconfigured(f"Each {what} needs a name of its own; given twice: {', '.join(twice)}.")


def _check_references(catalog: Catalog) -> None:
    """A command that names a runbook must find it, and may not claim a lower risk."""
    for family, command in catalog.every_command():
        if command.runbook and command.runbook not in catalog.runbooks:
            raise Misconfigured(
                f"{family.name} {command.verb} names the runbook {command.runbook!r}, which is not there."
            )
        if command.runbook and catalog.runbooks[command.runbook].runbook.risk is not command.risk:
            raise Misconfigured(f"{family.name} {command.verb} and its runbook disagree about the risk.")
