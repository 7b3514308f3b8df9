"""A chart becomes a picture that can be looked at."""

from datetime import timedelta

import pytest

from bot.domain.documents import Chart, Line
from bot.slack.charts import drawn
from tests.builders import AN_INSTANT

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("count", [0, 1, 30])
async def test_any_number_of_points_makes_a_picture(count: int):
    points = tuple((AN_INSTANT + timedelta(days=day), 60.0 + day) for day in range(count))
    file = await drawn(Chart("trend", "Restore", "minutes", (Line("Database", points),), goal=60.0))
    assert (file.name, file.title) == ("trend.png", "Restore")
    assert isinstance(file.content, bytes)
    assert file.content.startswith(PNG)


async def test_other_values_make_another_picture():
    def chart(value: float) -> Chart:
        return Chart("trend", "Restore", "minutes", (Line("Database", ((AN_INSTANT, value),)),), goal=60.0)

    assert (await drawn(chart(1.0))).content != (await drawn(chart(30.0))).content
    assert (await drawn(chart(1.0))).content == (await drawn(chart(1.0))).content
