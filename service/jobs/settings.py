"""The operator's choices about jobs, as values."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """How jobs are kept and run.

    Attributes:
        data_dir: where the files of jobs are: a directory, or a URL that fsspec can open.
        url: the database of the jobs, SQLite or PostgreSQL; empty: a SQLite file in `data_dir`.
        shared: other processes of this machine have the same SQLite file. One of them may paint.
        concurrency: jobs that this process paints at once; 0: it leaves that to others.
        max_queued: jobs that may wait.
        ttl_s: how long a job is kept after its end.
        webhook_hosts: who may be told that a job ended: `host`, or `host:port`.
        webhook_secret: what messages to them are signed with.
        heartbeat_s: how often a process says that it lives, where there are several; whoever
            missed three beats is taken for dead.
    """

    data_dir: str
    url: str = ""
    shared: bool = False
    concurrency: int = 1
    max_queued: int = 100
    ttl_s: float = 86_400.0
    webhook_hosts: tuple[str, ...] = ()
    webhook_secret: str = ""
    heartbeat_s: float = 5.0

    @property
    def dead_after_s(self) -> float:
        """Silence after which a process is taken for dead."""
        return 3 * self.heartbeat_s

    @property
    def database_url(self) -> str:
        """The database, named in full."""
        return self.url or f"sqlite:///{Path(self.data_dir).absolute() / 'jobs.sqlite'}"
