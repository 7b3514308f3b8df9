"""The benchmark's own arithmetic, and that its requests are ones that Slack could have sent."""

import json
import re
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier

from bench.load import Load
from bench.results import Compared, Result, write
from bench.slack_requests import SIGNING_SECRET, signed_commands

HIGHER = Compared("throughput", "peer", "requests/s", 1.3, "higher")
LOWER = Compared("p50", "peer", "ms", 0.1, "lower")


def test_a_result_compares_medians() -> None:
    result = HIGHER.result([10, 400, 20], [10, 5, 1000])
    assert (result.ours, result.peer, result.ratio, result.runs) == (20, 10, 2.0, 3)


@pytest.mark.parametrize(
    ("compared", "ours", "met"),
    [(HIGHER, 129.0, False), (HIGHER, 130.0, True), (LOWER, 10.0, True), (LOWER, 11.0, False)],
)
def test_a_goal_is_met_on_its_own_side(compared: Compared, ours: float, met: bool) -> None:
    assert compared.result([ours], [100.0]).met is met


def test_a_percentile_is_one_of_the_latencies() -> None:
    load = Load(tuple(float(number) for number in range(1, 101)), 10.0, 0)
    assert (load.percentile(50), load.percentile(99), load.per_second) == (51.0, 100.0, 10.0)


def test_every_request_is_signed_and_has_a_trigger_of_its_own() -> None:
    triggers = set()
    for request in islice(signed_commands(3000), 50):
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(re.findall(r"^([\w-]+): (.+?)\r?$", head.decode(), re.MULTILINE))
        assert SignatureVerifier(SIGNING_SECRET).is_valid_request(body, headers)
        triggers.add(parse_qs(body.decode())["trigger_id"][0])
    assert len(triggers) == 50


def test_results_of_a_part_do_not_forget_the_others(tmp_path: Path) -> None:
    file = tmp_path / ".bench" / "results.json"
    write([result("a", 1), result("b", 1)], file)
    write([result("b", 2)], file)
    assert {row["name"]: row["ours"] for row in json.loads(file.read_text(encoding="utf-8"))} == {"a": 1, "b": 2}


def result(name: str, ours: float) -> Result:
    return Compared(name, "peer", "ms", 1.0, "lower").result([ours], [1.0])
