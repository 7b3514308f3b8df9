"""What the stand-in declares of each method, against Slack's reference."""

import json
from pathlib import Path
from typing import Any

import pytest

import demo.workspace.api  # noqa: F401 # registers the methods
from demo.workspace.api.registry import METHODS, Method

RESTATED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "slack_methods.json").read_text())
SHARED = Path(__file__).parents[3] / "shared" / "slack"

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def test_every_method_is_one_of_slacks() -> None:
    assert METHODS.keys() == RESTATED.keys()


@every_method
def test_a_method_answers_documented_errors_only(method: Method) -> None:
    assert method.raises <= set(RESTATED[method.name]["errors"])


@every_method
def test_a_method_takes_exactly_the_documented_arguments(method: Method) -> None:
    assert method.arguments == set(RESTATED[method.name]["arguments"])


@every_method
def test_a_method_needs_what_slack_needs(method: Method) -> None:
    assert set(method.required) >= set(RESTATED[method.name]["required"])


@every_method
def test_a_method_needs_the_documented_scopes(method: Method) -> None:
    assert set(method.scopes) == set(RESTATED[method.name]["scopes"])


@every_method
def test_a_method_has_the_documented_tier(method: Method) -> None:
    assert RESTATED[method.name]["tier"] in (method.tier, None)


@every_method
def test_a_method_reads_json_where_slack_does(method: Method) -> None:
    assert method.takes_json is RESTATED[method.name]["json"]


@pytest.mark.skipif(not SHARED.exists(), reason=f"no shared reference at {SHARED}")
def test_the_restated_reference_is_the_shared_one() -> None:
    shared = json.loads((SHARED / "web-api-reference.json").read_text())
    for name, restated in RESTATED.items():
        original = shared[name]
        assert restated == {
            "tier": original["tier"],
            "json": bool(original["json_input"]),
            "scopes": sorted(original["bot_scopes"] or []),
            "required": sorted({*original["required_args"]} - {"token"}),
            "arguments": sorted({*original["args"]} - {"token"}),
            "errors": sorted(original["errors"] or []),
            "answer": sorted(original["required_output"] or []),
        }, name
