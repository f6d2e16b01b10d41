"""What /segment costs in time and memory as pictures grow, tile by tile."""

import statistics
import time
from pathlib import Path

import httpx

from bench.pictures import photograph
from bench.report import publish
from tools.served import Served

SIDES = (512, 1024, 2048, 4096)  # 0.26 to 16.8 megapixels
ROUNDS = 3
PATIENT = {"CHIASM_REQUEST_TIMEOUT_MS": "600000", "CHIASM_MAX_WAIT_MS": "600000"}
QUERY = "/segment?model=unet-nuclei&mask=none&instances=true"
RESET_PEAK = "5"  # proc(5), /proc/pid/clear_refs


def main() -> None:
    """Measure and publish."""
    pictures = {side: photograph(side, side) for side in SIDES}
    seconds: dict[int, list[float]] = {side: [] for side in SIDES}
    peaks: dict[int, list[float]] = {side: [] for side in SIDES}
    with Served(PATIENT) as server, httpx.Client(base_url=server.url, timeout=600) as client:
        idle = server.resident_bytes() / 1e6
        for _ in range(ROUNDS):
            for side in SIDES:
                Path(f"/proc/{server.process.pid}/clear_refs").write_text(RESET_PEAK)
                started = time.perf_counter()
                client.post(QUERY, content=pictures[side]).raise_for_status()
                seconds[side].append(time.perf_counter() - started)
                peaks[side].append(server.peak_resident_bytes() / 1e6)
    publish(
        "segment",
        f"/segment with unet-nuclei and instances, one picture at a time, {ROUNDS} rounds; "
        f"{idle:.0f} MB before the first",
        [
            {
                "megapixels": side * side / 1e6,
                "seconds": statistics.median(seconds[side]),
                "seconds a megapixel": statistics.median(seconds[side]) / (side * side / 1e6),
                "peak RSS MB": max(peaks[side]),
            }
            for side in SIDES
        ],
    )
