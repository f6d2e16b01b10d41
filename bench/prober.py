"""Somebody who asks whether a server is alive while it is under load, and watches its memory."""

import threading
import time
from urllib.request import urlopen

from bench.processes import ProcessTree

PROBE_EVERY_S = 0.1
PROBES_A_LOOK = 10  # walking /proc costs more than a probe


class Prober:
    """Asks all the while, as an orchestrator would, and remembers the slowest answer."""

    def __init__(self, url: str, tree: ProcessTree) -> None:
        """Start asking `url`, and looking at the memory of `tree` once a second."""
        self.slowest_ms = 0.0
        self.failures = 0
        self.most_resident_mb = tree.resident_mb()
        self._url = url
        self._tree = tree
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._thread.join()
        self._look()

    def _ask(self) -> None:
        probes = 0
        while not self._stop.wait(PROBE_EVERY_S):
            started = time.perf_counter()
            try:
                with urlopen(self._url, timeout=5):
                    pass
            except OSError:
                self.failures += 1
            self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - started) * 1000)
            probes += 1
            if probes % PROBES_A_LOOK == 0:
                self._look()

    def _look(self) -> None:
        self.most_resident_mb = max(self.most_resident_mb, self._tree.resident_mb())
