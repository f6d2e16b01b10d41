import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values

from service import telemetry
from service.telemetry import METRICS_DIR, Metrics, forget_gauges, resident_bytes, share_metrics
from tests.answers import sample


@dataclass
class Queues:
    """The queues of a model that does not exist."""

    in_flight: int = 3
    waiting: int = 2
    predicted_wait_s: float = 0.25


def test_two_services_share_no_metric() -> None:
    one, other = Metrics(), Metrics()

    one.dropped("digits", "deadline")

    dropped = "chiasm_dropped_total"
    assert sample(one, dropped, model="digits", reason="deadline") == 1
    assert sample(other, dropped, model="digits", reason="deadline") == 0


def test_what_happens_to_a_model_is_counted() -> None:
    metrics = Metrics()

    metrics.stage("digits", "decode", 0.2)
    metrics.stage("digits", "decode", 0.1)
    metrics.batch("digits", 5)
    metrics.dropped("digits", "client_gone")

    stage = {"model": "digits", "stage": "decode"}
    assert sample(metrics, "chiasm_stage_seconds_sum", **stage) == pytest.approx(0.3)
    assert sample(metrics, "chiasm_stage_seconds_count", **stage) == 2
    assert sample(metrics, "chiasm_batch_rows_sum", model="digits") == 5
    assert sample(metrics, "chiasm_batch_rows_bucket", model="digits", le="4.0") == 0
    assert sample(metrics, "chiasm_batch_rows_bucket", model="digits", le="8.0") == 1
    assert sample(metrics, "chiasm_dropped_total", model="digits", reason="client_gone") == 1


def test_queues_are_read_when_the_metrics_are() -> None:
    metrics, queues = Metrics(), Queues()
    metrics.watch("digits", "CPUExecutionProvider", queues)
    info = {"model": "digits", "provider": "CPUExecutionProvider"}
    assert sample(metrics, "chiasm_model_info", **info) == 1

    for expected in (Queues(), Queues(in_flight=9, waiting=8, predicted_wait_s=7.5)):
        vars(queues).update(vars(expected))

        assert sample(metrics, "chiasm_in_flight", model="digits") == expected.in_flight
        assert sample(metrics, "chiasm_queue_depth", model="digits") == expected.waiting
        wait_s = sample(metrics, "chiasm_predicted_wait_seconds", model="digits")
        assert wait_s == expected.predicted_wait_s


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Metrics]]:
    """Return what does as one of several workers: drops a request, and writes it down."""
    monkeypatch.setenv(METRICS_DIR, str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    kinds = []

    def worker(slot: int, **queues: Any) -> Metrics:
        share_metrics(slot)
        kinds.append(values.ValueClass)
        metrics = Metrics(shared=True)
        metrics.watch("digits", "CPUExecutionProvider", Queues(**queues))
        metrics.dropped("digits", "deadline")
        metrics.workers.set(1)
        metrics.sample()  # as an event loop does all the time
        return metrics

    yield worker
    for kind in kinds:
        kind.close_all_files()


def test_workers_add_up_their_numbers(work: Callable[..., Metrics]) -> None:
    work(0, in_flight=3, predicted_wait_s=0.25)

    text = work(1, in_flight=5, predicted_wait_s=0.5).text().decode()

    assert sample(text, "chiasm_dropped_total", model="digits", reason="deadline") == 2
    assert sample(text, "chiasm_in_flight", model="digits") == 3 + 5
    assert sample(text, "chiasm_predicted_wait_seconds", model="digits") == 0.5  # the longest
    assert sample(text, "chiasm_workers") == 2


def test_a_dead_worker_leaves_what_it_counted(work: Callable[..., Metrics], tmp_path: Path) -> None:
    work(1)
    survivor = work(0)

    forget_gauges(1, str(tmp_path))

    text = survivor.text().decode()
    assert sample(text, "chiasm_dropped_total", model="digits", reason="deadline") == 2
    assert sample(text, "chiasm_in_flight", model="digits") == Queues.in_flight
    assert sample(text, "chiasm_workers") == 1

    text = work(1).text().decode()  # its successor goes on from there
    assert sample(text, "chiasm_dropped_total", model="digits", reason="deadline") == 3


def test_resident_memory_is_this_process_s() -> None:
    before = resident_bytes()
    held = bytearray(os.urandom(64)) * 1_000_000

    assert resident_bytes() - before == pytest.approx(len(held), rel=0.5)


def test_resident_memory_is_unknown_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(telemetry, "open", missing, raising=False)

    assert resident_bytes() == 0
