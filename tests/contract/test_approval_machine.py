"""Whatever happens in whatever order: nothing runs without the required distinct approvals, and nothing runs twice.

Hypothesis chooses the moves here, and makes a failure as short as it can; `make approvals` plays a hundred thousand
sequences of the same moves (`tests/approval_sequences.py`).
"""

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.approval_play import BEGINNING, MOVES, Choices, Play
from tests.approval_sequences import Failure, play_many, play_one

SEQUENCES = int(os.environ.get("TAKUMI_SEQUENCES", "150"))


def chosen(choices: Choices) -> dict[str, Any]:
    return {name: st.sampled_from(values) for name, values in choices.items()}


class Machine(RuleBasedStateMachine):
    """The moves of the game; each is a rule by the same name."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.play = Play(self.loop)

    def teardown(self) -> None:
        self.loop.close()

    @initialize(**chosen(BEGINNING))
    def begin(self, **arguments: Any) -> None:
        self.play.begin(**arguments)

    @invariant()
    def nothing_ran_that_may_not_have(self) -> None:
        self.play.must_be_right()


def as_rule(name: str) -> Any:
    def move(self: Machine, **arguments: Any) -> None:
        getattr(self.play, name)(**arguments)

    move.__name__ = name
    return rule(**chosen(MOVES[name]))(move)


for _name in MOVES:
    setattr(Machine, _name, as_rule(_name))

SETTINGS = settings(
    max_examples=SEQUENCES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestApprovals = Machine.TestCase
TestApprovals.settings = SETTINGS


def test_a_sequence_is_the_same_again_from_its_seed_and_some_lead_to_an_effect() -> None:
    first, again = ([play_one(7, number) for number in range(20)] for _ in range(2))
    assert first == again
    assert sum(played.effects for played in first) > 0


def test_a_sequence_that_breaks_a_rule_is_told_with_its_seed_and_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.approvals.open_seats", lambda *_: ())
    with pytest.raises(Failure, match=r"seed 7, sequence \d+: .*a seat was empty.*\n1\. begin"):
        play_many(7, range(200))
