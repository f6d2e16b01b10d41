"""What only a socket, a signal or a process shows: `chiasm serve` as operators run it."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests import pictures
from tests.answers import predictions, problem, sample
from tests.pictures import MEGABYTE
from tests.serving import DIGITS, PATIENCE_S, copy_model, edit_manifest

CHIASM = Path(sys.executable).with_name("chiasm")
# `chiasm serve` with networks that take as long as a file exists.
BRAKED = """
import sys, time
from pathlib import Path
from service.cli import main
from service.engine.session import OrtSession

brake, run = Path(sys.argv[1]), OrtSession.run

def braked(session, feeds):
    while brake.exists():
        time.sleep(0.002)
    return run(session, feeds)

OrtSession.run = braked
sys.exit(main(["serve", "--port", "0"]))
"""


def environment(models_dir: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a server: the shell's, with no other settings than these."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CHIASM_")}
    chosen = {"models_dir": str(models_dir), "cpus": "1", "max_wait_ms": "60000", **settings}
    return inherited | {f"CHIASM_{key.upper()}": value for key, value in chosen.items()}


def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.005)


class Server:
    """A running server, what it logs, and a brake on its networks."""

    def __init__(self, directory: Path, models_dir: Path, **settings: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._brake = directory / "brake"
        self.process = subprocess.Popen(
            [sys.executable, "-c", BRAKED, str(self._brake)],
            env=environment(models_dir, **settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.client = httpx.Client(timeout=PATIENCE_S)

    def listen(self) -> "Server":
        """Wait until it says where it listens."""
        eventually(lambda: self.said("Uvicorn running") or self.process.poll() is not None)
        assert self.said("Uvicorn running"), self.lines
        match = re.search(r"http://([\d.]+):(\d+)", self.said("Uvicorn running")[0]["message"])
        assert match
        self.host, self.port = match[1], int(match[2])
        self.client.base_url = httpx.URL(match[0])
        return self

    def said(self, message: str) -> list[dict[str, Any]]:
        """Return the lines with `message` in them."""
        return [line for line in self.lines if message in line["message"]]

    def press_brake(self) -> None:
        self._brake.touch()

    def release_brake(self) -> None:
        self._brake.unlink(missing_ok=True)

    def metric(self, name: str, **labels: str) -> float:
        return sample(self.client.get("/metrics").text, name, **labels)

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=PATIENCE_S)

    def ends(self) -> int:
        """Wait for the process, and return its exit status."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def close(self) -> None:
        """End the process, politely if it still listens to that."""
        self.client.close()
        self.release_brake()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.ends()
        finally:
            self.process.kill()
            self._reader.join(PATIENCE_S)
            self.process.__exit__(None, None, None)

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"level": "none", "message": line})


class Start(Protocol):
    def __call__(self, **settings: str) -> Server: ...


@pytest.fixture
def start(tmp_path: Path, models_dir: Path) -> Iterator[Start]:
    """Return what starts a server with the settings that a test cares about."""
    with ExitStack() as stack:

        def run(**settings: str) -> Server:
            server = Server(tmp_path, models_dir, **settings)
            stack.callback(server.close)
            return server.listen()

        yield run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the server of the tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("server")
    copy_model(directory / "models")
    server = Server(directory, directory / "models")
    with closing(server):
        yield server.listen()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Return threads that wait for answers while the test goes on."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def post(server: Server, picture: bytes) -> httpx.Response:
    return httpx.post(f"{server.client.base_url}classify", content=picture, timeout=PATIENCE_S)


def head(length: int | None = None, *headers: str) -> bytes:
    """Return the head of a POST whose body has a length, or comes in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = ["POST /classify HTTP/1.1", "Host: chiasm", framing, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(connection: socket.socket) -> httpx.Response:
    """Read one answer off a connection that may stay open."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        content = file.read(int(headers["content-length"]))
    return httpx.Response(status, headers=headers, content=content)


# Answers


def test_it_listens_to_this_machine_only(server: Server) -> None:
    assert server.host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=PATIENCE_S)


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"image": pictures.jpeg()}},
        {
            "content": pictures.jpeg(),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"json": {"image": "data:image/bmp;base64,Qk0="}},
    ],
    ids=["multipart", "raw", "json"],
)
def test_the_three_ways_in(server: Server, body: dict[str, Any]) -> None:
    response = server.client.post("/classify", **body)

    if "json" in body:  # a BMP of two bytes, which shows that they arrived
        problem(response, 422, "truncated_image")
    else:
        assert len(predictions(response)) == 3


def test_it_logs_json_and_nothing_else(server: Server) -> None:
    given = "a-request-over-a-socket"

    server.client.post("/classify", content=b"text", headers={"X-Request-ID": given})

    eventually(lambda: [line for line in server.lines if line.get("request_id") == given])
    (line,) = [line for line in server.lines if line.get("request_id") == given]
    assert (line["path"], line["status"]) == ("/classify", 415)
    assert line["code"] == "unsupported_format"
    assert {line["level"] for line in server.lines} <= {"info", "warning"}


def test_probes_answer_while_the_network_is_busy(
    server: Server, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server.press_brake()
    try:
        asked = [callers.submit(post, server, picture) for _ in range(4)]
        eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 4)

        assert server.client.get("/healthz").status_code == 200
        assert server.client.get("/readyz").status_code == 200
    finally:
        server.release_brake()
    assert [answer.result().status_code for answer in asked] == [200] * 4


def test_a_caller_that_leaves_the_queue_is_dropped_and_counted(
    server: Server, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    gone = {"model": DIGITS, "reason": "client_gone"}
    dropped = server.metric("chiasm_dropped_total", **gone)
    left = server.metric("chiasm_requests_total", route="/classify", status="499")
    rows = server.metric("chiasm_batch_rows_sum", model=DIGITS)
    server.press_brake()
    try:
        first = callers.submit(post, server, picture)
        eventually(lambda: server.metric("chiasm_batch_rows_sum", model=DIGITS) == rows + 1)
        with server.connect() as leaving:
            leaving.sendall(head(len(picture)) + picture)
            eventually(lambda: server.metric("chiasm_queue_depth", model=DIGITS) == 1)

        eventually(lambda: server.metric("chiasm_dropped_total", **gone) == dropped + 1)
    finally:
        server.release_brake()

    assert first.result().status_code == 200
    assert post(server, picture).status_code == 200
    assert server.metric("chiasm_batch_rows_sum", model=DIGITS) == rows + 2  # not three
    assert server.metric("chiasm_in_flight", model=DIGITS) == 0
    assert server.metric("chiasm_buffered_body_bytes") == 0
    assert server.metric("chiasm_requests_total", route="/classify", status="499") == left + 1


# Bodies that are refused before their end


def test_a_connection_survives_an_early_refusal(server: Server, picture: bytes) -> None:
    body = bytes(21 * MEGABYTE)
    with server.connect() as connection:
        connection.sendall(head(len(body)))
        problem(read_answer(connection), 413, "image_too_large")  # before a byte of the body
        connection.sendall(body)

        connection.sendall(head(len(picture)) + picture)
        assert predictions(read_answer(connection))


def test_who_asks_first_is_refused_without_sending(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head(21 * MEGABYTE, "Expect: 100-continue"))

        problem(read_answer(connection), 413, "image_too_large")


def test_an_endless_body_is_refused_over_a_socket(server: Server) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with server.connect() as connection:
        connection.sendall(head())
        while not select.select([connection], [], [], 0)[0]:
            connection.sendall(chunk)

        problem(read_answer(connection), 413, "image_too_large")

    assert server.metric("chiasm_buffered_body_bytes") == 0


def test_a_body_that_trickles_meets_the_deadline(start: Start, picture: bytes) -> None:
    server = start(request_timeout_ms="100")
    with server.connect() as connection:
        connection.sendall(head(len(picture)) + picture[:100])

        problem(read_answer(connection), 504, "deadline_exceeded")

    assert server.metric("chiasm_buffered_body_bytes") == 0


# Ending


def test_sigterm_answers_what_is_in_flight(
    start: Start, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start()
    server.press_brake()
    asked: list[Future[httpx.Response]] = [callers.submit(post, server, picture) for _ in range(6)]
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 6)

    server.process.send_signal(signal.SIGTERM)

    eventually(lambda: server.client.get("/readyz").status_code == 503)
    assert server.client.get("/readyz").json()["draining"] is True
    assert server.client.get("/healthz").status_code == 200
    problem(post(server, picture), 503, "shutting_down")
    server.release_brake()
    assert [answer.result().status_code for answer in asked] == [200] * 6
    assert server.ends() == 0
    assert server.said("draining")
    assert not server.said("still in flight")
    assert [line for line in server.lines if line["level"] in {"warning", "error"}] == [
        line for line in server.lines if "no golden.json" in line["message"]
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_at_once(start: Start, number: signal.Signals) -> None:
    server = start()
    server.client.get("/healthz")  # and leaves its connection open

    server.process.send_signal(number)

    assert server.ends() == 0
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_the_grace_is_not_exceeded(
    start: Start, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    """The network never ends here: the process can only do so by leaving it behind."""
    server = start(shutdown_grace_s="0.5")
    server.press_brake()
    asked = callers.submit(post, server, picture)
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 1)

    server.process.send_signal(signal.SIGTERM)

    assert server.ends() == 0
    problem(asked.result(), 503, "shutting_down")
    assert server.said("requests were still in flight after 0.5 s")


def test_a_second_signal_does_not_wait_for_the_grace(
    start: Start, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start(shutdown_grace_s=str(10 * PATIENCE_S))
    server.press_brake()
    asked = callers.submit(post, server, picture)
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 1)

    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: server.said("draining"))
    server.process.send_signal(signal.SIGTERM)

    assert server.ends() == 0
    problem(asked.result(), 503, "shutting_down")


# Refusing to start


def run(*arguments: str, models_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `chiasm` to its end."""
    return subprocess.run(
        [CHIASM, *arguments],
        env=environment(models_dir, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_broken_manifest_is_named(models_dir: Path) -> None:
    edit_manifest(models_dir / DIGITS, {"sha256": f'"{"0" * 64}"'})

    ended = run("serve", "--port", "0", models_dir=models_dir)

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"chiasm: {models_dir / DIGITS / 'model.toml'}: sha256: ")


def test_a_missing_device_is_named(models_dir: Path) -> None:
    ended = run("serve", "--port", "0", models_dir=models_dir, device="cuda")

    assert ended.returncode == 1
    assert ended.stderr.startswith("chiasm: device 'cuda' was asked for")


def test_a_wrong_setting_is_named(models_dir: Path) -> None:
    ended = run("serve", models_dir=models_dir, max_pixels="many")

    assert ended.returncode == 2
    assert ended.stderr.startswith("chiasm: CHIASM_MAX_PIXELS: ")


def test_a_port_that_is_taken_is_an_error(models_dir: Path, server: Server) -> None:
    ended = run("serve", "--port", str(server.port), models_dir=models_dir)

    assert ended.returncode == 1
    last = json.loads(ended.stderr.splitlines()[-1])
    assert str(server.port) in ended.stderr
    assert last["logger"] == "uvicorn.error"
