"""A proof reads no faster than it may."""

from bot.operations.pacing import Paced


class PassingOn:
    """A screen that lets everything through."""

    def pass_on(self, block: bytes) -> bytes:
        return block

    def finish(self) -> bytes:
        return b"end"


def test_a_screen_is_held_back_to_its_rate_and_changes_nothing() -> None:
    now, naps = 0.0, list[float]()

    def nap(seconds: float) -> None:
        nonlocal now
        now += seconds
        naps.append(seconds)

    paced = Paced(PassingOn(), 100, lambda: now, nap)
    assert [paced.pass_on(b"x" * 150), paced.pass_on(b"y" * 150)] == [b"x" * 150, b"y" * 150]
    assert paced.finish() == b"end"
    assert now == 3.0
    assert max(naps) <= 1.0, "a cancelled proof is not slept through"


def test_what_is_slow_by_itself_waits_for_nothing() -> None:
    ticks, naps = iter([0.0, 10.0]), list[float]()
    paced = Paced(PassingOn(), 100, lambda: next(ticks), naps.append)
    assert paced.pass_on(b"x" * 500) == b"x" * 500
    assert naps == []
