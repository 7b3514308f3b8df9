"""Why a copy of a cluster did not come up, in the server's own words."""

from bot.operations.tools.postmasters import failed
from bot.operations.tools.processes import Ended

LOG = """
LOG:  last completed transaction was at log time 2026-11-24 10:40:23.354628+00
FATAL:  recovery ended before configured recovery target was reached
FATAL:  the database system is not accepting connections
DETAIL:  Hot standby mode is disabled.
FATAL:  the database system is shutting down
LOG:  startup process (PID 7) exited with exit code 1
"""


def test_the_servers_own_last_words_are_told_and_not_how_it_turned_us_away() -> None:
    error = failed(Ended(1, LOG))
    assert "recovery ended before configured recovery target was reached" in str(error)
    assert "It reached 2026-11-24 10:40:23.354628+00" in str(error)
    assert "give an earlier one" in error.hint


def test_a_server_that_said_nothing_is_told_by_its_code() -> None:
    assert "it ended with code 137" in str(failed(Ended(137, "")))
