"""Run the image and prove what its documentation says: `python -m tools.image [IMAGE]`."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import httpx

from service.client import Chiasm
from tools.image.bundle import Image, unpacked
from tools.image.container import PATIENCE_S, URL, Container
from tools.smoke import CAT, smoke

MOST_BYTES = 450e6
IN_FLIGHT = 32
# Tries to make a file in every directory, and to open every file for writing.
WRITABLE = """
import os
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
    try:
        with open(os.path.join(folder, "probe"), "x"):
            print(folder)
        os.unlink(os.path.join(folder, "probe"))
    except OSError:
        pass
    for path in (os.path.join(folder, name) for name in files):
        if os.path.isfile(path) and os.access(path, os.W_OK):
            print(path)
"""


def main() -> int:
    """Prove every line of the report; 0 if all hold."""
    name = sys.argv[1] if len(sys.argv) > 1 else "chiasm"
    with unpacked(name) as image:
        failed = [title for title, check in CHECKS.items() if not _told(title, check(image))]
        with Container(image, max_wait_ms="60000") as container:
            print(f"ready {container.seconds_to_ready:.1f} s after its start")
            for title, look in LOOKS.items():
                if not _told(title, look(image, container)):
                    failed.append(title)
    return 1 if failed else 0


def _told(title: str, wrong: str) -> bool:
    print(f"{title}: {wrong or 'yes'}")
    return not wrong


def _small(image: Image) -> str:
    print(f"{image.bytes / 1e6:.0f} MB, base included")
    return "" if image.bytes < MOST_BYTES else f"no, {image.bytes / 1e6:.0f} MB"


def _numeric_user(image: Image) -> str:
    return "" if image.uid and image.gid else "no, it is root"


def _labelled(image: Image) -> str:
    wanted = ("title", "description", "licenses", "version", "revision")
    missing = [key for key in wanted if not image.labels.get(f"org.opencontainers.image.{key}")]
    return f"no: {missing}" if missing else ""


def _healthy(image: Image, container: Container) -> str:
    done = container.execute(*image.healthcheck)
    return f"no: {done.stderr}" if done.returncode else ""


def _offline(image: Image, container: Container) -> str:
    del image
    lines = container.execute("cat", "/proc/net/dev").stdout.splitlines()[2:]
    return "" if [line.split(":")[0].strip() for line in lines] == ["lo"] else f"no: {lines}"


def _answers(image: Image, container: Container) -> str:
    del image, container
    with Chiasm(URL, timeout_s=PATIENCE_S) as chiasm:
        return "; ".join(smoke(chiasm))


def _writes_to_volumes_only(image: Image, container: Container) -> str:
    done = container.execute("python3", "-c", WRITABLE)
    if done.returncode:
        return f"no: {done.stderr}"
    volumes = tuple(image.volumes)
    found = done.stdout.split()
    elsewhere = [path for path in found if not path.startswith(volumes)]
    if not set(volumes) <= set(found):
        return f"no: {volumes} cannot be written to"
    return f"no: {elsewhere}" if elsewhere else ""


def _drains(image: Image, container: Container) -> str:
    """Tell it to end while requests are in flight, and count the answers."""
    del image
    picture = CAT.read_bytes()

    def ask(_: int) -> int:
        return httpx.post(
            f"{URL}/classify?crops=10", content=picture, timeout=PATIENCE_S
        ).status_code

    with ThreadPoolExecutor(IN_FLIGHT) as callers:
        asked = [callers.submit(ask, number) for number in range(IN_FLIGHT)]
        while (waiting := _in_flight()) < IN_FLIGHT // 2 and not all(one.done() for one in asked):
            sleep(0.001)
        container.signal("TERM")
        statuses = [one.result() for one in asked]
    status = container.process.wait(PATIENCE_S)
    print(f"{waiting:.0f} requests were in flight")
    # A request that had not arrived yet is told to come back.
    unanswered = [status for status in statuses if status not in {200, 503}]
    if status or unanswered or statuses.count(200) < waiting or not waiting:
        return f"no: answers {statuses}, then status {status}: {container.log()}"
    return ""


def _in_flight() -> float:
    lines = httpx.get(f"{URL}/metrics", timeout=PATIENCE_S).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("chiasm_in_flight{"))


CHECKS: dict[str, Callable[[Image], str]] = {
    "under 450 MB": _small,
    "a numeric user, not root": _numeric_user,
    "labelled": _labelled,
}
LOOKS: dict[str, Callable[[Image, Container], str]] = {
    "its health check passes": _healthy,
    "it has no network but its loopback": _offline,
    "every endpoint answers": _answers,
    "nothing is writable but its volume": _writes_to_volumes_only,
    "SIGTERM: what is in flight is answered, status 0": _drains,
}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"tools.image: {error}")
