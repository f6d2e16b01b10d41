from typing import Any

import pytest

from service.cli.shares import share
from service.engine.cpus import thread_budget, usable_cpus
from service.settings import Settings

MB = 1_000_000


def dealt(field: str, **settings: Any) -> list[Any]:
    """Return what each worker gets of one setting."""
    whole = Settings(**settings)
    return [getattr(share(whole, slot), field) for slot in range(whole.workers)]


@pytest.mark.parametrize(
    ("cpus", "workers", "expected"),
    [
        (4, 1, [4]),
        (4, 2, [2, 2]),
        (3, 2, [2, 1]),  # none is lost
        (2.5, 2, [1, 1]),  # half a CPU is no thread for anybody
        (96, 5, [20, 19, 19, 19, 19]),
        (2, 4, [0.5] * 4),  # more workers than CPUs: each still has a thread
        (0.5, 2, [0.25] * 2),
    ],
)
def test_whole_cpus_are_dealt_out(cpus: float, workers: int, expected: list[float]) -> None:
    assert dealt("cpus", cpus=cpus, workers=workers) == expected


def test_the_cpus_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHIASM_CPUS")
    cpus = thread_budget(usable_cpus())

    assert sum(dealt("cpus", workers=cpus)) == cpus


@pytest.mark.parametrize(
    ("field", "value", "workers", "expected"),
    [
        ("max_in_flight", 128, 3, [43, 43, 42]),
        ("max_in_flight", 1, 2, [1, 1]),  # a worker that may take nothing would be of no use
        ("instances", None, 2, [None, None]),
        ("instances", 3, 2, [2, 1]),
        ("instances", 1, 2, [1, 1]),
        ("threads", 2, 2, [2, 2]),  # of one run, wherever that is
        ("jobs_concurrency", 2, 3, [2, 0, 0]),
        ("jobs_concurrency", 0, 2, [0, 0]),
        ("max_queued_jobs", 100, 2, [100, 100]),  # of one queue, which all share
    ],
)
def test_together_they_promise_what_one_would(
    field: str, value: int | None, workers: int, expected: list[int | None]
) -> None:
    assert dealt(field, workers=workers, **{field: value}) == expected


@pytest.mark.parametrize(
    ("buffered", "workers", "expected"),
    [
        (512, 2, [256, 256]),
        (512, 32, [60] * 32),  # two pictures of 20 MB in base64 must fit
        (30, 2, [30, 30]),  # less than that was the operator's wish
    ],
)
def test_every_worker_can_read_the_largest_request(
    buffered: int, workers: int, expected: list[int]
) -> None:
    shares = dealt(
        "max_buffered_bytes",
        max_buffered_bytes=buffered * MB,
        max_image_bytes=20 * MB,
        workers=workers,
    )

    assert shares == [one * MB for one in expected]
