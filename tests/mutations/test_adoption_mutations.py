"""Each rule of executors and of cron's lines is broken on purpose, and a test of the rule fails."""

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain import actions, crontabs
from bot.domain.targets import ExecutorKind, Verb
from bot.operations import forced
from bot.policy import adoption
from tests.contract import test_executor_words as words
from tests.unit import test_crontabs as cron

Broken = tuple[Any, str, str, Any, Callable[[], None]]


def lacking(changes: dict[str, Any], verb: Verb, service: str) -> Callable[[], None]:
    return lambda: words.test_what_a_target_lacks_is_refused_by_name(
        changes, verb, service, "does not allow|has no service"
    )


MUTATIONS: dict[str, Broken] = {
    "no executor, no action": (
        actions,
        "if target.executor is ExecutorKind.NONE:",
        "if False:",
        words,
        lambda: words.test_what_a_target_lacks_is_refused_by_name(
            {"executor": ExecutorKind.NONE}, Verb.STATUS, "backend", "web-1 has no executor"
        ),
    ),
    "only listed verbs": (
        actions,
        "if verb not in target.verbs:",
        "if False:",
        words,
        lacking({"verbs": (Verb.STATUS,)}, Verb.RESTART, "backend"),
    ),
    "only listed services": (
        actions,
        "if service not in target.services or not _is_safe(service):",
        "if not _is_safe(service):",
        words,
        lacking({}, Verb.RESTART, "redis"),
    ),
    "no name that is an option": (
        actions,
        "if service not in target.services or not _is_safe(service):",
        "if service not in target.services:",
        words,
        lambda: words.test_a_name_that_a_program_could_misread_is_refused_even_where_it_is_configured("-rf"),
    ),
    "nothing but the list": (
        forced,
        "\"*) echo 'this command is not on the list of this machine' >&2; exit 126 ;;\\n\"",
        "'*) exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\" ;;\\n'",
        words,
        lambda: words.test_the_script_runs_nothing_that_is_not_on_its_list("systemctl restart nginx; id"),
    ),
    "no terminal, no tunnel": (
        forced,
        '",restrict {key}',
        '" {key}',
        words,
        words.test_the_forced_command_lists_exactly_what_the_target_allows,
    ),
    "a line that was taken over does nothing": (
        adoption,
        "for line in lines if not line.taken_over)",
        "for line in lines)",
        cron,
        cron.test_a_line_is_taken_over_alone_and_comes_back_byte_for_byte,
    ),
    "a backup script owns the retention": (
        adoption,
        'Replacement("backup-database.sh", ("database-backup", RETENTION), "/takumi backup now"),',
        'Replacement("backup-database.sh", ("database-backup",), "/takumi backup now"),',
        cron,
        cron.test_every_script_that_deletes_owns_the_retention,
    ),
    "a changed table is not written": (
        crontabs,
        'raise ValueError(f"{line.place} is not what it was")',
        "pass",
        cron,
        cron.test_a_table_that_somebody_changed_meanwhile_is_not_written,
    ),
}


@pytest.mark.parametrize("broken", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_broken_rule_fails_the_test_of_the_rule(monkeypatch: pytest.MonkeyPatch, broken: Broken) -> None:
    module, old, new, rules, test = broken
    source = inspect.getsource(module)
    assert source.count(old) == 1
    test()
    mutant = types.ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    exec(compile(source.replace(old, new), "mutant", "exec"), vars(mutant))  # noqa: S102 - our own source, one rule less
    for name, value in vars(rules).items():
        if getattr(value, "__module__", "") == module.__name__ and callable(value):
            monkeypatch.setattr(rules, name, getattr(mutant, name))
    with pytest.raises((AssertionError, IndexError, pytest.fail.Exception)):
        test()
