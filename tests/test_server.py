"""What only a socket shows."""

import base64
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import pictures
from tests.answers import predictions, problem
from tests.pictures import MEGABYTE
from tests.servers import Server, StartServer, eventually, head, post, read_answer
from tests.serving import DIGITS, PATIENCE_S


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
        {"json": {"image": base64.b64encode(pictures.jpeg()).decode()}},
    ],
    ids=["multipart", "raw", "json"],
)
def test_the_three_ways_in(server: Server, body: dict[str, Any]) -> None:
    response = server.client.post("/classify", **body)

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
            eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 2)

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


def test_a_body_that_trickles_meets_the_deadline(start_server: StartServer, picture: bytes) -> None:
    server = start_server(request_timeout_ms="100")
    with server.connect() as connection:
        connection.sendall(head(len(picture)) + picture[:100])

        problem(read_answer(connection), 504, "deadline_exceeded")

    assert server.metric("chiasm_buffered_body_bytes") == 0
