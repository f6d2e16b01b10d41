"""What happens at half, one, two and ten times the rate that the service can sustain."""

import threading
import time
from urllib.request import urlopen

from bench.load import Load, closed_loop, open_loop
from bench.pictures import photograph
from bench.report import publish
from tools.served import Served

SECONDS = 12.0
CONCURRENCY = 8
FACTORS = (0.5, 1.0, 2.0, 10.0)
PROBE_EVERY_S = 0.1


class Prober:
    """Asks /healthz all the while, as an orchestrator would, and remembers the slowest answer."""

    def __init__(self, url: str) -> None:
        """Start asking."""
        self.slowest_ms = 0.0
        self.failures = 0
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(PROBE_EVERY_S):
            started = time.perf_counter()
            try:
                with urlopen(f"{self._url}/healthz", timeout=5):
                    pass
            except OSError:
                self.failures += 1
            self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - started) * 1000)


def main() -> None:
    """Measure and publish."""
    body = photograph(500, 375)
    rows = []
    with Served() as server:
        url = f"{server.url}/classify"
        closed_loop(url, body, concurrency=CONCURRENCY, seconds=3)
        peak = closed_loop(url, body, concurrency=CONCURRENCY, seconds=SECONDS).goodput
        for factor in FACTORS:
            prober = Prober(server.url)
            load = open_loop(url, body, rate=peak * factor, seconds=SECONDS)
            prober.stop()
            rows.append(_row(factor, peak, load, prober, server))
            time.sleep(1.5)
        again = closed_loop(url, body, concurrency=CONCURRENCY, seconds=SECONDS).goodput
    publish(
        "overload",
        f"/classify 500x375, open loop; peak {peak:.0f}/s before, {again:.0f}/s after",
        rows,
    )


def _row(
    factor: float, peak: float, load: Load, prober: Prober, server: Served
) -> dict[str, object]:
    other = {status: count for status, count in load.by_status.items() if status not in {200, 503}}
    return {
        "times capacity": factor,
        "offered/s": len(load.statuses) / load.duration_s,
        "goodput/s": load.goodput,
        "of peak": load.goodput / peak,
        "p50 ms": load.percentile_ms(50),
        "p99 ms": load.percentile_ms(99),
        "refused 503": load.by_status[503],
        "other": str(other or "none"),
        "no answer": load.errors,
        "slowest probe ms": prober.slowest_ms,
        "probes failed": prober.failures,
        "RSS MB": server.resident_bytes() / 1e6,
        "generator CPU s": load.generator_cpu_s,
    }
