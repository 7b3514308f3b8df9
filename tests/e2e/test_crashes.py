"""The short form of `make soak-crash`: replicas killed in every step, paused and cut off, and nothing lost or twice."""

from tests.e2e.product import Product
from tests.soak.story import Length, prove

SHORT = Length(kills=6, seed=1, seconds=75, lease_seconds=4, pace_seconds=1, ask_every_seconds=4)


async def test_backups_under_kills_pauses_and_outages_are_neither_lost_nor_done_twice(product: Product) -> None:
    said: list[str] = []
    report = await prove(product, SHORT, said.append)
    assert report.verdict.findings == []
    assert report.late == []
    assert report.notes == []
    assert report.kills >= SHORT.kills
    assert report.is_clean, report.line
