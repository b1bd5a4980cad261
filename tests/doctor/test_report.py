"""The report agrees with what a server reports about itself."""

from __future__ import annotations

import json

import pytest

from autoquality._cli.info import capacity
from autoquality._results import Limits
from autoquality_server.cli.doctor.report import as_json, as_text
from autoquality_server.config import Settings
from autoquality_server.rpc.info import limits_of


@pytest.mark.parametrize(
    ("processes", "requests"),
    [
        (1, "2 run, 8 wait"),
        (3, "2 run, 8 wait in each of 3 processes; 6 run, 24 wait in total"),
    ],
)
def test_the_doctor_and_info_agree_on_workers_and_queue(processes: int, requests: str) -> None:
    settings = Settings(processes=processes, workers=2)
    limits = limits_of(settings)
    fields = {name: getattr(limits, name) for name in Limits.__slots__}
    assert capacity(Limits(**fields)) == requests
    assert f"requests  {requests}\n" in as_text(settings, [], [])
    serves = json.loads(as_json(settings, [], []))["serves"]
    assert (serves["processes"], serves["workers"], serves["queue_size"]) == (processes, 2, 8)
    assert (serves["total_workers"], serves["total_queue_size"]) == (2 * processes, 8 * processes)
