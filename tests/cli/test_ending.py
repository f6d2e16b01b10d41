"""A process that something keeps from ending, as a database that is away may."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.servers import environment, eventually
from tests.serving import MODELS, PATIENCE_S

STYLES = ("multistyle26", "magenta-style-predict", "magenta-style-transform")
# Its jobs never close, and a thread of theirs never ends.
STUCK = """
import sys, threading
from service.cli import ending, main
from service.jobs.jobs import Jobs

def close(jobs):
    for_ever = threading.Event()
    threading.Thread(target=for_ever.wait).start()
    for_ever.wait()

Jobs.close = close
ending.CLOSING_S = 0.2
sys.exit(main(["serve", "--port", "0"]))
"""


def test_it_ends_all_the_same(tmp_path: Path) -> None:
    models = tmp_path / "styles"
    models.mkdir()
    for name in STYLES:
        (models / name).symlink_to(MODELS / name)
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", STUCK],
            env=environment(models, shutdown_grace_s="0.2"),
            stderr=file,
        )
    try:
        eventually(lambda: "Uvicorn running" in log.read_text() or process.poll() is not None)

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 1
    finally:
        process.kill()
        process.wait()
    assert "ending without" in log.read_text()
