"""Several processes on one port: what only they, a socket and a signal show."""

import json
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests import pictures
from tests.answers import predictions, problem
from tests.servers import Server, StartServer, eventually, post, run
from tests.serving import DIGITS, PATIENCE_S, copy_model, edit_manifest
from tests.workers import all_answer, client_of

STYLE_NETWORKS = ("multistyle26", "magenta-style-predict", "magenta-style-transform")
ANSWERED = {"route": "/classify", "status": "200"}


def ask(server: Server, worker: int, picture: bytes) -> httpx.Response:
    """Send a picture to one of the workers."""
    with closing(client_of(server, worker)) as client:
        return client.post("/classify", content=picture)


def asked_of_both(
    server: Server, callers: ThreadPoolExecutor, picture: bytes
) -> dict[int, Future[httpx.Response]]:
    """Put a request to each worker into the network, where the brake holds them."""
    workers = all_answer(server)
    server.press_brake()
    asked = {one: callers.submit(ask, server, one, picture) for one in workers}

    def held() -> bool:
        for answer in asked.values():
            assert not answer.done(), answer.result()
        return server.metric("chiasm_in_flight", model=DIGITS) == 2

    eventually(held)
    return asked


def test_every_worker_answers_and_the_metrics_are_of_all(
    start_server: StartServer, picture: bytes
) -> None:
    server = start_server(workers="2")
    workers = all_answer(server)
    rows = server.metric("chiasm_batch_rows_sum", model=DIGITS)  # of warming up

    for worker in workers:
        predictions(ask(server, worker, picture))

    for worker in workers:
        with closing(client_of(server, worker)) as client:
            assert client.get("/readyz").json()["ready"] is True
    assert server.metric("chiasm_workers") == 2
    assert server.metric("chiasm_requests_total", **ANSWERED) == 2
    assert server.metric("chiasm_request_seconds_count", route="/classify") == 2
    assert server.metric("chiasm_batch_rows_sum", model=DIGITS) == rows + 2
    provider = {"model": DIGITS, "provider": "CPUExecutionProvider"}
    assert server.metric("chiasm_model_info", **provider) == 1
    resident = server.metric("chiasm_resident_memory_bytes")
    assert resident > sum(map(resident_bytes, workers)) / 2 > resident_bytes(server.process.pid)


def resident_bytes(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_gauges_are_of_all_workers(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server(workers="2")

    asked = asked_of_both(server, callers, picture)

    assert server.metric("chiasm_buffered_body_bytes") == 2 * len(picture)
    server.release_brake()
    assert [answer.result().status_code for answer in asked.values()] == [200, 200]
    eventually(lambda: server.metric("chiasm_in_flight", model=DIGITS) == 0)


@pytest.mark.parametrize("first", [True, False], ids=["the painter", "another one"])
def test_a_killed_worker_is_replaced_while_the_other_goes_on(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes, first: bool
) -> None:
    server = start_server(workers="2")
    predictions(post(server, picture))
    asked = asked_of_both(server, callers, picture)
    doomed, survivor = asked if first else reversed(asked)

    os.kill(doomed, signal.SIGKILL)

    with pytest.raises(httpx.TransportError):
        asked[doomed].result()
    eventually(lambda: server.said("ended by signal 9"))
    assert server.metric("chiasm_in_flight", model=DIGITS) == 1
    server.release_brake()
    predictions(asked[survivor].result())
    predictions(post(server, picture))
    *_, successor = all_answer(server, 3)
    predictions(ask(server, successor, picture))
    assert server.metric("chiasm_workers") == 2
    assert server.metric("chiasm_requests_total", **ANSWERED) == 4  # what was counted, stays so


@pytest.mark.parametrize("everybody", [False, True], ids=["the supervisor", "all processes"])
def test_sigterm_answers_what_is_in_flight_everywhere(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes, everybody: bool
) -> None:
    """Service managers tell all processes; then a worker hears it twice, and must not mind."""
    server = start_server(workers="2")
    asked = asked_of_both(server, callers, picture)

    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: len(server.said("draining: not ready")) == 2)
    for worker in asked if everybody else ():
        os.kill(worker, signal.SIGTERM)

    assert server.client.get("/readyz").json()["draining"] is True
    problem(post(server, picture), 503, "shutting_down")
    server.release_brake()
    assert [answer.result().status_code for answer in asked.values()] == [200, 200]
    assert server.ends() == 0
    assert not server.said("still in flight")
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_the_grace_is_not_exceeded_by_any(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server(workers="2", shutdown_grace_s="0.5")
    asked = asked_of_both(server, callers, picture)

    server.process.send_signal(signal.SIGINT)

    assert server.ends() == 0
    for answer in asked.values():
        problem(answer.result(), 503, "shutting_down")


def test_a_second_signal_ends_all_at_once(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server(workers="2", shutdown_grace_s=str(10 * PATIENCE_S))
    asked = asked_of_both(server, callers, picture)

    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: len(server.said("draining: not ready")) == 2)
    server.process.send_signal(signal.SIGTERM)

    assert server.ends() == 0
    for answer in asked.values():
        problem(answer.result(), 503, "shutting_down")


def test_workers_do_not_outlive_a_supervisor_that_was_killed(
    start_server: StartServer, callers: ThreadPoolExecutor, picture: bytes
) -> None:
    server = start_server(workers="2")
    asked = asked_of_both(server, callers, picture)

    server.process.kill()

    eventually(lambda: len(server.said("the supervisor is gone")) == 2)
    server.release_brake()
    assert [answer.result().status_code for answer in asked.values()] == [200, 200]
    server.ends()
    for worker in asked:
        eventually(lambda worker=worker: not Path(f"/proc/{worker}/cwd").exists())


# Refusing to start


def test_what_keeps_all_workers_from_starting_is_said_once(models_dir: Path) -> None:
    edit_manifest(models_dir / DIGITS, {"sha256": f'"{"0" * 64}"'})

    ended = run("serve", "--port", "0", "--workers", "3", models_dir=models_dir)

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"chiasm: {models_dir / DIGITS / 'model.toml'}: sha256: ")


def test_a_port_that_is_taken_is_an_error(models_dir: Path, server: Server) -> None:
    ended = run("serve", "--port", str(server.port), "--workers", "2", models_dir=models_dir)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line == f"chiasm: cannot listen on 127.0.0.1:{server.port}: Address already in use"


# Jobs in SQLite


def test_a_job_is_painted_once_whoever_accepts_it_and_followed_by_all(
    start_server: StartServer, models_dir: Path
) -> None:
    for name in STYLE_NETWORKS:
        copy_model(models_dir, name)
    server = start_server(workers="2")
    workers = all_answer(server)
    clients = [client_of(server, worker) for worker in workers]
    content = pictures.jpeg(80, 48)

    links = []
    for client in clients:
        accepted = client.post("/style?preset=3", files={"content": content})
        assert accepted.status_code == 202, accepted.text
        links.append(accepted.headers["location"])

    told = [[events(client, link) for client in clients] for link in links]
    assert all(one == other and one[-1]["status"] == "succeeded" for one, other in told)
    seen = [[client.get(f"{link}/result").content for client in clients] for link in links]
    assert len({picture for pictures_of_job in seen for picture in pictures_of_job}) == 1
    eventually(lambda: len(server.said("a job succeeded")) == len(links))
    assert not server.said("taken up again")
    canceled = clients[1].delete(links[0])
    assert canceled.status_code == 200
    problem(clients[0].get(links[0]), 404, "job_not_found")
    for client in clients:
        client.close()


def events(client: httpx.Client, link: str) -> list[dict[str, object]]:
    """Return all that is told of a job, from its first event to its last."""
    with client.stream("GET", f"{link}/events") as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]
