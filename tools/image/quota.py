"""What a CPU quota costs: `python -m tools.image.quota [IMAGE]` measures one core and half of one.

One caller asks /classify for a photograph, one request after the other, of the image in a control
group with that quota. A quota is spent in periods of a tenth of a second: half a core computes at
full speed for half of each, and stands still for the rest.
"""

import statistics
import sys
import time

import httpx

from tools.image.bundle import unpacked
from tools.image.container import PATIENCE_S, URL, Container
from tools.smoke import COFFEE

CORES = (1.0, 0.5)
WARM_UP, REQUESTS = 20, 400


def measure(url: str) -> list[float]:
    """Return how many milliseconds each request took."""
    picture = COFFEE.read_bytes()
    taken = []
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        for number in range(WARM_UP + REQUESTS):
            started = time.perf_counter()
            client.post("/classify", content=picture).raise_for_status()
            if number >= WARM_UP:
                taken.append((time.perf_counter() - started) * 1000)
    return taken


def main() -> None:
    """Measure each quota, and print a row for it."""
    halves = []
    print("| cores | ready after | CPU threads | threads a session | p50 | p90 | p99 | a second |")
    print("|---|---|---|---|---|---|---|---|")
    with unpacked(sys.argv[1] if len(sys.argv) > 1 else "chiasm") as image:
        for cores in CORES:
            with Container(image, cpus=cores, log_level="warning") as container:
                planned = httpx.get(f"{URL}/models", timeout=PATIENCE_S).json()
                taken = measure(URL)
            threads = {model["threads"] for model in planned["models"]}
            cuts = statistics.quantiles(taken, n=100)
            halves.append(cuts[49])
            print(
                f"| {cores:g} | {container.seconds_to_ready:.1f} s | {planned['cpu_threads']} "
                f"| {', '.join(map(str, sorted(threads)))} | {cuts[49]:.1f} ms | {cuts[89]:.1f} ms "
                f"| {cuts[98]:.1f} ms | {1000 / statistics.mean(taken):.0f} |"
            )
    print(f"p50 at half a core: {halves[1] / halves[0]:.2f} times that of one")


if __name__ == "__main__":
    main()
