"""Several processes that serve on one port, and the one that looks after them.

The supervisor binds the sockets, and every worker listens on the same ones: a connection goes to
whoever takes it first, so none is lost or delayed because a worker died, and none waits for a busy
one while another is idle. Workers are fresh interpreters and not forks, which would inherit threads
and locks in whatever state. The supervisor loads no network and no server; it only waits.

    supervisor ── SIGTERM: drain, then SIGINT: end at once ──► worker
               ◄── the line: "I answer"; its end is that of the other side ──►
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from service.cli.shares import PAINTER
from service.engine.cpus import thread_budget, usable_cpus
from service.settings import Settings
from service.telemetry import METRICS_DIR, forget_gauges

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
SETTLED_S = 60.0  # a worker that lived so long is replaced at once
# A worker keeps to the grace by itself; what it then closes takes moments, or it hangs.
CLOSING_S = 15.0
AT_ONCE_S = 5.0


def supervise(settings: Settings, command: Sequence[str] = ()) -> int:
    """Serve with as many workers as the settings say until told to stop.

    Args:
        settings: of all workers together.
        command: starts a worker, when its options are put behind; otherwise what started this.

    Returns:
        The exit status; that of the first worker, if it could not start.

    Raises:
        OSError: the address cannot be bound.
    """
    command = command or (sys.executable, *sys.orig_argv[1:])
    with TemporaryDirectory(prefix="chiasm-metrics-") as metrics_dir, ExitStack() as opened:
        listeners = bind(settings.host, settings.port)
        for listener in listeners:
            opened.enter_context(listener)
        supervisor = Supervisor(settings, listeners, metrics_dir, command)
        return asyncio.run(supervisor.run())


def bind(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of a host, bound; who connects is refused until it listens.

    Raises:
        OSError: there is no such address here, or somebody else has it.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # A port that the system picked is the same one for all addresses.
            bound.bind((address[0], sockets[0].getsockname()[1] or port, *address[2:]))
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sockets


def next_pause_s(pause_s: float, lived_s: float) -> float:
    """Return how long to wait before a worker is replaced.

    Args:
        pause_s: how long it was the last time.
        lived_s: how long the worker lived.
    """
    if lived_s >= SETTLED_S:
        return 0.0
    return min(max(2 * pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that serves, or is about to.

    Attributes:
        slot: its number among the workers.
        process: itself.
        line: a socket to it.
    """

    slot: int
    process: Process
    line: socket.socket

    async def answers(self) -> bool:
        """Return True when it says that it answers requests; False if its line ended."""
        said = await asyncio.get_running_loop().sock_recv(self.line, 1)
        if said:
            log.info("worker %d answers, process %d", self.slot, self.process.pid)
        return bool(said)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """Starts workers, replaces those that end, and ends them all when told to."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[socket.socket],
        metrics_dir: str,
        command: Sequence[str],
    ) -> None:
        """Start nothing yet.

        Args:
            settings: of all workers together.
            listeners: bound sockets.
            metrics_dir: an empty directory.
            command: starts a worker, when its options are put behind.
        """
        self._settings = settings
        self._listeners = listeners
        self._metrics_dir = metrics_dir
        self._command = command
        self._workers: dict[int, Worker] = {}
        self._told = asyncio.Event()
        self._killed = False

    async def run(self) -> int:
        """Serve until told to stop, and return the exit status.

        The first worker starts alone: what keeps it from starting would keep all of them, and is
        said once.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        first = await self._start(PAINTER)
        if not await first.answers():
            status = await self._outlive(first)
            return 0 if self._told.is_set() else _refusal(status)
        self._announce()
        async with asyncio.TaskGroup() as slots:
            slots.create_task(self._keep(PAINTER, first))
            for slot in range(PAINTER + 1, self._settings.workers):
                slots.create_task(self._keep(slot))
        return 1 if self._killed else 0

    async def _start(self, slot: int) -> Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        inherited = [theirs.fileno(), *(one.fileno() for one in self._listeners)]
        options = ["--slot", slot, "--line", inherited[0], "--listener", *inherited[1:]]
        with theirs, ExitStack() as failed:
            failed.enter_context(ours)
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *map(str, options),
                stdin=DEVNULL,
                env={**os.environ, METRICS_DIR: self._metrics_dir},
                pass_fds=inherited,
                process_group=0,  # a terminal's Ctrl-C reaches it by way of the supervisor only
            )
            failed.pop_all()
        self._workers[slot] = worker = Worker(slot=slot, process=process, line=ours)
        if self._told.is_set():
            worker.send(signal.SIGTERM)
        return worker

    async def _keep(self, slot: int, worker: Worker | None = None) -> None:
        """Have a worker in a slot, one after the other, until told to stop."""
        loop = asyncio.get_running_loop()
        pause_s = 0.0
        while not self._told.is_set():
            started = loop.time()
            try:
                status = await self._outlive(worker or await self._start(slot))
                end = _described(status)
            except OSError as error:  # the system has no room for it at the moment
                end = f"could not be started: {error}"
            worker = None
            if not self._told.is_set():
                pause_s = next_pause_s(pause_s, loop.time() - started)
                log.error("worker %d %s; the next one starts in %g s", slot, end, pause_s)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), pause_s)

    async def _outlive(self, worker: Worker) -> int:
        """Wait for the end of a worker, and return its status."""
        while await worker.answers():
            pass
        status = await worker.process.wait()
        worker.line.close()
        del self._workers[worker.slot]
        forget_gauges(worker.slot, self._metrics_dir)
        return status

    def _announce(self) -> None:
        count, cpus = self._settings.workers, self._settings.cpus or usable_cpus()
        host, port = self._settings.host, self._listeners[0].getsockname()[1]
        address = f"[{host}]" if ":" in host else host
        log.info("%d workers serve on http://%s:%d", count, address, port)
        if count > thread_budget(cpus):
            log.warning("%d workers get in each other's way on %.2f CPUs", count, cpus)

    def _on_signal(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._told.is_set():
            log.info("draining: every worker answers what it has in flight")
            self._told.set()
            for listener in self._listeners:  # closed with the last worker's
                listener.close()
            self._send(signal.SIGTERM)
            loop.call_later(self._settings.shutdown_grace_s + CLOSING_S, self._kill)
        else:
            self._send(signal.SIGINT)
            loop.call_later(AT_ONCE_S, self._kill)

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.send(number)

    def _kill(self) -> None:
        log.error("%d workers did not end, and are killed", len(self._workers))
        self._killed = True
        self._send(signal.SIGKILL)


def _refusal(status: int) -> int:
    """Return the status of a command whose first worker ended before it answered."""
    if status > 0:
        return status  # it said itself what is wrong
    log.error("the first worker %s before it answered", _described(status))
    return 1


def _described(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
