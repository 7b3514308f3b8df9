"""Every import contract is broken here on purpose: one that nothing breaks would protect nothing."""

from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract
from importlinter.domain.contract import Contract

PROJECT = Path(__file__).parents[2]
TYPES = {kind.type_name: kind for kind in (ForbiddenContract, IndependenceContract, LayersContract, ProtectedContract)}
CONFIGURATION = read_configuration(str(PROJECT / "pyproject.toml"))
OPTIONS = {options["id"]: options for options in CONFIGURATION["contracts_options"]}

# (contract, who imports, what): each line is a mistake that the contract must notice.
MISTAKES = [
    ("layers", "bot.domain.runs", "bot.policy.approvals"),
    ("layers", "bot.domain.runs", "bot.services.runs"),
    ("layers", "bot.policy.approvals", "bot.services.runs"),
    ("layers", "bot.services.runs", "bot.stores.runs"),
    ("layers", "bot.services.runs", "bot.slack.render"),
    ("layers", "bot.slack.receive", "bot.stores.runs"),
    ("layers", "bot.stores.runs", "bot.engine.queue"),
    ("layers", "bot.engine.queue", "bot.operations.health"),
    ("layers", "bot.operations.health", "runbooks.backup_database"),
    ("layers", "runbooks.backup_database", "commands.backup"),
    ("layers", "commands.backup", "bot.web.server"),
    ("layers", "bot.web.server", "bot.app"),
    ("layers", "bot.app", "bot.__main__"),
    ("runbooks", "runbooks.backup_database", "bot.services.runs"),
    ("runbooks", "runbooks.backup_database", "bot.domain.runs"),
    ("runbooks", "runbooks.backup_database", "bot.operations.tools.toolbox"),
    ("runbooks-are-strangers", "runbooks.backup_database", "runbooks.restore_database"),
    ("commands", "commands.backup", "bot.slack.render"),
    ("commands", "commands.backup", "bot.stores.runs"),
    ("commands", "commands.backup", "runbooks.backup_database"),
    ("configuration", "bot.services.runs", "bot.config"),
    ("configuration", "commands.backup", "bot.config"),
    ("demo", "demo.accounts", "bot.domain.runs"),
    ("demo", "demo.accounts", "commands.backup"),
    ("demo-is-outside", "bot.app", "demo.accounts"),
    ("demo-is-outside", "bot.operations.health", "demo.platform.postgres"),
    ("slack", "bot.services.runs", "slack_sdk"),
    ("slack", "bot.web.server", "slack_bolt"),
    ("slack", "demo.accounts", "slack_sdk"),
    ("pictures", "bot.services.runs", "matplotlib"),
    ("traces", "bot.services.runs", "opentelemetry"),
    ("traces", "bot.running", "opentelemetry"),
    ("engine", "bot.services.runs", "procrastinate"),
    ("engine", "bot.stores.runs", "apscheduler"),
    ("platform", "bot.operations.health", "boto3"),
    ("platform", "bot.services.runs", "web3"),
    ("machines", "bot.operations.acting", "asyncssh"),
    ("platform", "bot.operations.health", "redis"),
    ("layers", "bot.verifier", "bot.domain.canonical"),
    ("signatures", "bot.services.runs", "cryptography"),
    ("signatures", "bot.stores.chain", "cryptography"),
    ("databases", "bot.engine.queue", "psycopg"),
    ("databases", "bot.services.runs", "psycopg"),
    ("databases", "bot.operations.health", "psycopg_pool"),
]


def fresh_graph() -> grimp.ImportGraph:
    """The imports as they are, with every module that a mistake or a contract names."""
    graph = grimp.build_graph(
        *CONFIGURATION["session_options"]["root_packages"], include_external_packages=True, cache_dir=None
    )
    for _, importer, imported in MISTAKES:
        for module in (importer, imported):
            if module not in graph.modules:
                graph.add_module(module, is_squashed="." not in module)
    return graph


GRAPH = fresh_graph()


def contract(contract_id: str) -> Contract:
    options = OPTIONS[contract_id]
    return TYPES[options["type"]](options["name"], CONFIGURATION["session_options"], options)


def keeps(contract_id: str, graph: grimp.ImportGraph) -> bool:
    return bool(contract(contract_id).check(graph, verbose=False).kept)


@pytest.mark.parametrize("contract_id", OPTIONS)
def test_the_code_keeps_every_contract(contract_id: str) -> None:
    assert keeps(contract_id, fresh_graph())


@pytest.mark.parametrize(("contract_id", "importer", "imported"), MISTAKES)
def test_a_wrong_import_is_noticed(contract_id: str, importer: str, imported: str) -> None:
    GRAPH.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")
    try:
        assert not keeps(contract_id, GRAPH)
    finally:
        GRAPH.remove_import(importer=importer, imported=imported)


@pytest.mark.parametrize("contract_id", OPTIONS)
def test_every_contract_is_broken_by_some_mistake(contract_id: str) -> None:
    assert contract_id in {broken for broken, _, _ in MISTAKES}


def test_every_module_of_the_bot_has_a_layer() -> None:
    drawn = {module.strip("() ") for layer in OPTIONS["layers"]["layers"] for module in layer.split("|")}
    assert fresh_graph().find_children("bot") - drawn == {"bot.config"}  # read by two modules alone: "configuration"
