"""Whether memory stays flat: thousands of pictures of random sizes, shapes and formats."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from bench.pictures import zoo
from bench.report import publish
from tools.served import Served

REQUESTS, SETTLED, STEP = 5_000, 500, 100
CONCURRENCY = 4


def main() -> None:
    """Measure and publish."""
    pictures = zoo(160)
    resident: list[float] = []
    with (
        Served() as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
        ThreadPoolExecutor(CONCURRENCY) as senders,
    ):
        random = np.random.default_rng(1)

        def send(index: int) -> int:
            return client.post("/classify", content=pictures[index]).status_code

        statuses: list[int] = []
        while len(statuses) < REQUESTS:
            statuses += senders.map(send, random.integers(len(pictures), size=STEP).tolist())
            resident.append(server.resident_bytes() / 1e6)
    assert set(statuses) == {200}, set(statuses)
    tail = np.array(resident[SETTLED // STEP :])
    position = np.arange(len(tail)) * STEP / 1000
    (slope, _), covariance = np.polyfit(position, tail, 1, cov=True)
    publish(
        "soak",
        f"RSS over {REQUESTS:,} requests with random sizes and formats",
        [
            {
                "after": f"{SETTLED:,}",
                "RSS MB": float(tail[0]),
                "at the end": float(tail[-1]),
                "least": float(tail.min()),
                "most": float(tail.max()),
                "MB per 1,000 requests": float(slope),
                "its standard error": float(np.sqrt(covariance[0, 0])),
            }
        ],
    )
