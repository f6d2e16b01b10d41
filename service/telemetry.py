"""What the operator counts: Prometheus metrics, of one process or of several together."""

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# From the cost of a LeNet to that of a queue one should not stand in.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64)
STATM_RESIDENT = 1  # field of /proc/self/statm, in pages
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the directory where workers keep their metrics; prometheus-client's own."""


class Queues(Protocol):
    """What a model has in hand at the moment."""

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet answered."""
        ...

    @property
    def waiting(self) -> int:
        """Pictures that wait for the network."""
        ...

    @property
    def predicted_wait_s(self) -> float:
        """How long a request that arrives now would wait."""
        ...


class Metrics:
    """Every instrument, in a registry of its own so that two apps never share one.

    Workers that serve together keep their numbers in files, and whichever is asked adds all of
    them up. There a gauge is what its worker wrote last, at most a tick ago.
    """

    def __init__(self, *, shared: bool = False) -> None:
        """Create and register the instruments.

        Args:
            shared: this is one of several workers, and `share_metrics` was called.
        """
        self._shared = shared
        self._followed: list[tuple[Gauge, Callable[[], float]]] = []
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "chiasm_requests",
            "Answers by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "chiasm_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "chiasm_stage_seconds",
            "Time of a request in one stage: decode, preprocess, queue, infer, postprocess.",
            ["model", "stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "chiasm_batch_rows", "Rows of a run.", ["model"], buckets=ROWS, registry=self.registry
        )
        self.rejections = Counter(
            "chiasm_rejections",
            "Requests that were refused or failed, by problem code.",
            ["code"],
            registry=self.registry,
        )
        self.drops = Counter(
            "chiasm_dropped",
            "Requests dropped on the way: client_gone, deadline.",
            ["model", "reason"],
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "chiasm_event_loop_lag_seconds",
            "How late the event loop was at its latest tick.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.buffered_bytes = Gauge(
            "chiasm_buffered_body_bytes",
            "Request bodies held in memory.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.pool_waiting = Gauge(
            "chiasm_pool_waiting",
            "Stages of requests that wait for a CPU thread.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.jobs_waiting = Gauge(
            "chiasm_jobs_waiting",
            "Style jobs that wait for a painter, at every process that shares the database.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self._model_info = Gauge(
            "chiasm_model_info",
            "1 for every loaded model, with what it runs on.",
            ["model", "provider"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "chiasm_in_flight",
            "Requests admitted and not yet answered.",
            ["model"],
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._queue_depth = Gauge(
            "chiasm_queue_depth",
            "Pictures that wait for the network.",
            ["model"],
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._predicted_wait = Gauge(
            "chiasm_predicted_wait_seconds",
            "How long a request that arrives now would wait; admission is decided by it.",
            ["model"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        resident = Gauge(
            "chiasm_resident_memory_bytes",
            "Resident memory.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.follow(resident, resident_bytes)
        self.workers = Gauge(
            "chiasm_workers",
            "Processes that answer requests.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        # Finding a labelled series costs more than adding to it; of each there are few.
        self._stage = lru_cache(maxsize=None)(self.stages.labels)
        self._answers = lru_cache(maxsize=None)(self.requests.labels)
        self._latency = lru_cache(maxsize=None)(self.latency.labels)
        self._rejections = lru_cache(maxsize=None)(self.rejections.labels)

    def text(self) -> bytes:
        """Return all numbers in Prometheus's text format; of all workers, where there are some."""
        if not self._shared:
            return generate_latest(self.registry)
        self.sample()
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def follow(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Have a gauge show what `read` returns whenever the metrics are scraped."""
        if self._shared:
            self._followed.append((gauge, read))
        else:
            gauge.set_function(read)

    def sample(self) -> None:
        """Write down what the followed gauges are; other workers can only read what is written."""
        for gauge, read in self._followed:
            gauge.set(read())

    def watch(self, model: str, provider: str, queues: "Queues") -> None:
        """Read a model's queues whenever the metrics are scraped."""
        self._model_info.labels(model, provider).set(1)
        self.follow(self._in_flight.labels(model), lambda: queues.in_flight)
        self.follow(self._queue_depth.labels(model), lambda: queues.waiting)
        self.follow(self._predicted_wait.labels(model), lambda: queues.predicted_wait_s)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Record an answer, and how long it took."""
        self._answers(route, status).inc()
        self._latency(route).observe(seconds)

    def rejected(self, code: str) -> None:
        """Record a request that was refused or failed."""
        self._rejections(code).inc()

    def stage(self, model: str, stage: str, seconds: float) -> None:
        """Record the time of one request in one stage."""
        self._stage(model, stage).observe(seconds)

    def batch(self, model: str, rows: int) -> None:
        """Record a run of the session."""
        self.batches.labels(model).observe(rows)

    def dropped(self, model: str, reason: str) -> None:
        """Record a request that was dropped on the way."""
        self.drops.labels(model, reason).inc()


def share_metrics(slot: int) -> None:
    """Keep the numbers of metrics that are made from now on in files of METRICS_DIR.

    The files are named after the worker's slot and not, as usual, after the process: whoever
    replaces a worker goes on counting where it ended, and there are never more files than slots.

    Args:
        slot: no other living process has the same.
    """
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def forget_gauges(slot: int, directory: str) -> None:
    """Remove what a dead worker's gauges were; what it counted has happened, and stays."""
    mark_process_dead(slot, directory)  # type: ignore[no-untyped-call]


def resident_bytes() -> int:
    """Return this process's resident memory; 0 where /proc does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[STATM_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
