"""Each rule that keeps a backup is broken on purpose, and a test of the rule fails: else its silence proves nothing."""

import inspect
import sys
import types
from collections.abc import Callable

import pytest

from bot.domain import retention
from tests.unit import test_retention as rules

WHOLE = "(one.database, one.verdict, one.retention) == (database, Verdict.PROVEN, Retention.KEPT)"
MUTATIONS: dict[str, tuple[str, str, Callable[[], None]]] = {
    "nothing ever expires too early": (
        "if one.expires_at <= now",
        "",
        rules.test_what_has_expired_goes_and_what_has_not_stays,
    ),
    "the newest proven stays": (
        "if newest_proven(backups, backup.database, now) == backup:",
        "if False:",
        rules.test_the_newest_proven_backup_of_a_database_stays_whatever_its_age,
    ),
    "of every database": (
        WHOLE,
        "(one.verdict, one.retention) == (Verdict.PROVEN, Retention.KEPT)",
        rules.test_every_database_keeps_its_own_newest,
    ),
    "only what is proven counts": (
        WHOLE,
        "(one.database, one.retention) == (database, Retention.KEPT)",
        rules.test_a_newer_one_that_is_not_proven_is_no_reason_to_let_the_proven_one_go,
    ),
    "only what is kept counts": (
        WHOLE,
        "(one.database, one.verdict) == (database, Verdict.PROVEN)",
        rules.test_a_newer_one_that_was_deleted_is_no_reason_either,
    ),
    "not what is of the future": (
        "and one.taken_at <= now + SKEW",
        "",
        rules.test_what_was_stamped_in_the_future_is_neither_newest_nor_deleted,
    ),
    "a little skew is no future": (
        "SKEW = timedelta(minutes=5)",
        "SKEW = timedelta()",
        rules.test_a_clock_that_differs_by_minutes_is_no_future,
    ),
    "what is needed stays": (
        "if backup.file in held:",
        "if False:",
        rules.test_what_a_request_or_a_run_refers_to_stays,
    ),
    "what a clock stamped wrong stays": (
        "if backup.taken_at > now + SKEW:",
        "if False:",
        rules.test_what_was_stamped_in_the_future_is_neither_newest_nor_deleted,
    ),
    "what is foreign stays": (
        "if backup.manifest is None and not foreign:",
        "if False:",
        lambda: rules.test_a_foreign_file_goes_only_where_that_is_configured(allowed=False),
    ),
    "what is foreign may go": (
        "if backup.manifest is None and not foreign:",
        "if backup.manifest is None:",
        lambda: rules.test_a_foreign_file_goes_only_where_that_is_configured(allowed=True),
    ),
    "what a person deleted goes": (
        "if backup.retention is not Retention.KEPT:",
        "if False:",
        rules.test_what_a_person_deleted_goes_when_its_time_is_up_also_when_it_was_foreign,
    ),
}


@pytest.mark.parametrize("broken", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_broken_rule_fails_the_test_of_the_rule(
    monkeypatch: pytest.MonkeyPatch, broken: tuple[str, str, Callable[[], None]]
) -> None:
    old, new, test = broken
    source = inspect.getsource(retention)
    assert source.count(old) == 1
    test()
    mutant = types.ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    exec(compile(source.replace(old, new), "mutant", "exec"), vars(mutant))  # noqa: S102 - our own source, one rule less
    for name in ("expired", "newest_proven"):
        monkeypatch.setattr(rules, name, getattr(mutant, name))
    with pytest.raises(AssertionError):
        test()
