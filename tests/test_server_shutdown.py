"""What only a signal shows."""

import signal
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.answers import problem
from tests.servers import StartServer, eventually, post
from tests.serving import DIGITS, PATIENCE_S


def test_sigterm_answers_what_is_in_flight(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server()
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
def test_a_signal_ends_an_idle_server_at_once(
    start_server: StartServer, number: signal.Signals
) -> None:
    server = start_server()
    server.client.get("/healthz")  # and leaves its connection open

    server.process.send_signal(number)

    assert server.ends() == 0
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_the_grace_is_not_exceeded(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    """The network never ends here: the process can only do so by leaving it behind."""
    server = start_server(shutdown_grace_s="0.5")
    server.press_brake()
    asked = callers.submit(post, server, picture)
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 1)

    server.process.send_signal(signal.SIGTERM)

    assert server.ends() == 0
    problem(asked.result(), 503, "shutting_down")
    assert server.said("requests were still in flight after 0.5 s")


def test_a_second_signal_does_not_wait_for_the_grace(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server(shutdown_grace_s=str(10 * PATIENCE_S))
    server.press_brake()
    asked = callers.submit(post, server, picture)
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 1)

    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: server.said("draining"))
    server.process.send_signal(signal.SIGTERM)

    assert server.ends() == 0
    problem(asked.result(), 503, "shutting_down")
