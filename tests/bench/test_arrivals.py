"""The generator's own loops, against a server of three lines."""

import asyncio
import time
from contextlib import suppress

import pytest

from bench.arrivals import Generator, wire
from tools.served import free_port

SECONDS = 0.3


def play(run):
    """Serve, let `run(generator)` happen, and return the generator and the targets asked for."""
    asked, serving = [], set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):  # how it ends when the generator closes
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = dict(line.split(": ", 1) for line in head.splitlines()[1:-1])
                await reader.readexactly(int(fields["Content-Length"]))
                asked.append(head.split()[1])
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()

    async def meet():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        requests = [wire(f"http://{host}:{port}/{one}?a=b", b"xyz", "image/png") for one in "ab"]
        generator = Generator(host, port, requests)
        await run(generator)
        generator.close()
        await asyncio.gather(*serving)
        server.close()
        await server.wait_closed()
        return generator

    return asyncio.run(meet()), asked


def test_a_request_is_a_post_with_its_length_and_type():
    request = wire("http://127.0.0.1:80/classify?model=x", b"xyz", "image/png")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /classify?model=x HTTP/1.1"
    assert {b"Content-Length: 3", b"Content-Type: image/png"} <= set(head.splitlines())
    assert body == b"xyz"


def test_an_open_loop_sends_all_that_was_appointed():
    started = time.monotonic()
    generator, asked = play(lambda generator: generator.run_open(100, SECONDS))
    assert len(asked) == len(generator.statuses) == 30
    assert generator.errors == 0
    assert time.monotonic() - started >= SECONDS * 29 / 30  # spread over the time, not at once


def test_a_closed_loop_asks_in_turns():
    generator, asked = play(lambda generator: generator.run_closed(1, SECONDS))
    assert asked == ["/a?a=b", "/b?a=b"] * (len(asked) // 2) + ["/a?a=b"] * (len(asked) % 2)
    assert len(generator.statuses) == len(asked) > 2
    assert set(generator.statuses) == {200}


def test_a_server_that_is_not_there_is_an_error_not_a_wait():
    generator = Generator("127.0.0.1", free_port(), [b"x"])
    asyncio.run(generator.run_open(100, 0.05))
    assert (generator.errors, generator.statuses) == (5, [])


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_last_answers_are_waited_for(concurrency):
    generator, asked = play(lambda generator: generator.run_closed(concurrency, SECONDS))
    assert len(generator.statuses) == len(asked)
    assert generator.errors == 0
