"""The short form of `make soak-crash`: replicas killed in every step, paused and cut off, and nothing lost or twice."""

from tests.e2e.product import Product
from tests.soak.story import Length, prove

# It ends as soon as a worker was killed inside each step; `seconds` is for a machine that is slow.
SHORT = Length(kills=8, seed=6, seconds=150, lease_seconds=4, pace_seconds=1, ask_every_seconds=4)


async def test_backups_and_restores_under_kills_pauses_and_outages_are_neither_lost_nor_done_twice(
    product: Product,
) -> None:
    said: list[str] = []
    report = await prove(product, SHORT, said.append)
    assert report.verdict.findings == []
    assert report.late == []
    assert report.notes == []
    assert report.is_clean, report.line
