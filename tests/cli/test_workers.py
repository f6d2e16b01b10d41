import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.cli import workers as module
from service.cli.workers import bind, next_pause_s, supervise
from service.settings import Settings
from tests.servers import environment

Lines = Callable[[], list[dict[str, Any]]]
# A worker that says it answers; what it does then follows.
ANSWERS = """
import os, signal, socket, sys, time
slot, line = int(sys.argv[2]), socket.socket(fileno=int(sys.argv[4]))
line.send(b"x")
"""


def supervised(program: str, *arguments: str, **settings: Any) -> int:
    """Supervise workers that are a Python program, and return the status."""
    wanted = Settings(**{"host": "127.0.0.1", "port": 0, "workers": 2, "cpus": 2, **settings})
    return supervise(wanted, (sys.executable, "-c", program, *arguments))


def messages(lines: Lines, level: str) -> list[str]:
    return [line["message"] for line in lines() if line["level"] == level]


# Sockets


def test_a_bound_port_refuses_until_somebody_listens() -> None:
    (bound,) = bind("127.0.0.1", 0)
    with closing(bound):
        address = bound.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

        bound.listen()
        socket.create_connection(address).close()


def test_a_name_may_have_several_addresses_and_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    bound = bind("localhost", 0)

    names = [one.getsockname() for one in bound]
    for one in bound:
        one.close()
    assert [name[0] for name in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({name[1] for name in names}) == 1


def test_an_address_of_others_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:80: "):
        bind("192.0.2.1", 80)


# Replacing


def test_the_pause_grows_while_a_worker_keeps_dying() -> None:
    pauses = [0.0]
    for _ in range(9):
        pauses.append(next_pause_s(pauses[-1], lived_s=1.0))

    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_worker_that_lived_long_is_replaced_at_once() -> None:
    assert next_pause_s(30.0, lived_s=60.0) == 0


def test_a_worker_that_keeps_dying_is_replaced_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log_lines: Lines
) -> None:
    """The other one, which stays, tells the supervisor to stop once it was so three times."""
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    deaths = tmp_path / "deaths"
    program = f"""{ANSWERS}
deaths = open({str(deaths)!r}, "a+b", 0)
if slot:
    deaths.write(b".")
    sys.exit(3)
while os.fstat(deaths.fileno()).st_size < 3:
    time.sleep(0.01)
os.kill(os.getppid(), signal.SIGTERM)
signal.pause()
"""

    assert supervised(program) == 0

    ends = messages(log_lines, "error")
    assert ends[:2] == [
        "worker 1 ended with status 3; the next one starts in 0.01 s",
        "worker 1 ended with status 3; the next one starts in 0.02 s",
    ]


def test_a_worker_for_which_there_is_no_room_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log_lines: Lines
) -> None:
    """A program that vanishes stands for a system that has no memory left for a process."""
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    program = tmp_path / "worker"
    program.write_text(f"""#!{sys.executable}
import os, signal, socket, sys, time
os.unlink(sys.argv[0])
line = socket.socket(fileno=int(sys.argv[4]))
line.send(b"x")
time.sleep(0.3)
os.kill(os.getppid(), signal.SIGTERM)
signal.pause()
""")
    program.chmod(0o755)

    status = supervise(Settings(port=0, workers=2, cpus=2), (str(program),))

    assert status == 0
    assert messages(log_lines, "error")[0].startswith("worker 1 could not be started: ")


# Starting and ending


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        ("import sys; sys.exit(2)", 2, []),  # a worker says itself what is wrong
        ("", 1, ["the first worker ended with status 0 before it answered"]),
        (
            "import os; os.kill(os.getpid(), 9)",
            1,
            ["the first worker ended by signal 9 before it answered"],
        ),
    ],
)
def test_what_keeps_the_first_worker_from_starting_ends_all(
    log_lines: Lines, program: str, status: int, said: list[str]
) -> None:
    assert supervised(program) == status

    assert messages(log_lines, "error") == said


def test_a_signal_while_the_first_worker_loads_ends_it() -> None:
    program = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()"

    assert supervised(program) == 0


def test_a_worker_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, log_lines: Lines
) -> None:
    monkeypatch.setattr(module, "CLOSING_S", 0.0)
    program = f"""{ANSWERS}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""

    assert supervised(program, shutdown_grace_s=0.5) == 1

    assert any("did not end, and are killed" in line for line in messages(log_lines, "error"))


def test_more_workers_than_cpus_are_worth_a_warning(log_lines: Lines) -> None:
    program = f"{ANSWERS}os.kill(os.getppid(), signal.SIGTERM); signal.pause()"

    assert supervised(program, workers=3, cpus=1.5) == 0

    assert messages(log_lines, "warning") == ["3 workers get in each other's way on 1.50 CPUs"]


def test_the_supervisor_needs_neither_networks_nor_a_server(models_dir: Path) -> None:
    """It lives as long as the service: what it does not import, it does not hold."""
    program = """
import sys
from service.cli import main, workers
workers.supervise = lambda settings: 0
sys.exit(main(["serve", "--workers", "2"]) or " ".join(sorted(sys.modules)))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(models_dir),
        capture_output=True,
        text=True,
        check=False,
    )

    loaded = set(ended.stderr.split())
    assert "service.cli.workers" in loaded
    heavy = {"service.app", "uvicorn", "fastapi", "onnxruntime", "numpy", "PIL", "sqlalchemy"}
    assert loaded & heavy == set()
