"""Which process of several is at the other end of a connection."""

import re
from contextlib import suppress
from pathlib import Path

import httpx

from tests.servers import Server, eventually
from tests.serving import PATIENCE_S


def workers_of(server: Server) -> list[int]:
    """Return the processes that said they answer, oldest first."""
    said = [line["message"] for line in server.said("answers, process")]
    return [int(message.rsplit(" ", 1)[1]) for message in said]


def all_answer(server: Server, count: int = 2) -> list[int]:
    """Wait until so many workers have answered since the start, and return the processes."""
    eventually(lambda: len(workers_of(server)) == count)
    return workers_of(server)


def client_of(server: Server, worker: int) -> httpx.Client:
    """Return a client whose one connection a certain worker accepted."""
    found: list[httpx.Client] = []

    def accepted() -> bool:
        client = httpx.Client(base_url=server.url, timeout=PATIENCE_S, trust_env=False)
        stream = client.get("/healthz").extensions["network_stream"]
        found.append(client)
        return _inode(stream.get_extra_info("client_addr"), server.port) in _sockets(worker)

    eventually(accepted)
    for other in found[:-1]:
        other.close()
    return found[-1]


def _inode(client: tuple[str, int], port: int) -> str:
    """Return the inode of the server's end of a connection. Source: proc_net(5), /proc/net/tcp."""
    ends = f":{port:04X}", f":{client[1]:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines():
        _, local, remote, *_, inode = line.split()[:10]
        if (local[-5:], remote[-5:]) == ends:
            return inode
    return ""


def _sockets(process: int) -> set[str]:
    inodes = set()
    for path in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # a file that was closed since it was listed
            if match := re.fullmatch(r"socket:\[(\d+)\]", str(path.readlink())):
                inodes.add(match[1])
    return inodes
