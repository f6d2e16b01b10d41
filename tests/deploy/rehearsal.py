"""The `scale` profile without containers: its processes, as docker-compose.yml describes them.

What is changed is what containers would have given: names that DNS would know become addresses of
the loopback interface, volumes become directories of the test.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.deploy.composed import ROOT, Composed, composed
from tests.servers import CHIASM
from tests.serving import PATIENCE_S
from tools.served import free_port

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
REPLICAS = "/etc/nginx/chiasm/replicas.conf"
SITE = "/etc/nginx/conf.d/default.conf"
# What the image's own nginx.conf has around its sites, less what belongs to its container.
AROUND = """
{user}
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/site.conf;
}}
"""


class Process:
    """A process of the rehearsal, and where it listens."""

    def __init__(
        self, command: list[str], environment: dict[str, str], log: Path, port: int
    ) -> None:
        self.port = port
        self.log = log
        self._command, self._environment = command, environment
        self.start()

    def start(self) -> None:
        """Start it, or start it again, as the restart policy would."""
        inherited = {key: value for key, value in os.environ.items() if key[:7] != "CHIASM_"}
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self._command, env=inherited | self._environment, stdout=log, stderr=log
            )

    def wait_for(self, path: str) -> None:
        """Wait until it answers."""
        until = time.monotonic() + PATIENCE_S
        while self.running.poll() is None and time.monotonic() < until:
            try:
                if self.get(path).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"{self._command} did not answer: {self.log.read_text()}")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it as a crash would."""
        self.running.kill()
        self.running.wait()

    def end(self) -> int:
        """End it politely, and return its status."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(PATIENCE_S)

    def close(self) -> None:
        """End it if it runs."""
        if self.running.poll() is None:
            try:
                self.end()
            finally:
                self.kill()


class Rehearsal:
    """The running profile: `proxy`, `api` and `worker`, as many of each as the file says."""

    def __init__(self, directory: Path, database_url: str, **settings: str) -> None:
        """Start everything, and wait until it is well.

        Args:
            directory: for what the containers would keep in volumes.
            database_url: of the database that stands in for the service `database`.
            settings: of the test's own, without the prefix.
        """
        self._directory = directory
        self._settings = {f"CHIASM_{key.upper()}": value for key, value in settings.items()}
        self._database_url = database_url
        services = composed("scale")
        with ExitStack() as started:
            self._started = started
            self.api = self._start(services["api"])
            self.worker = self._start(services["worker"])
            for process in self.api:
                process.wait_for("/readyz")
            self.proxy = self._start_proxy(services["proxy"])
            self.url = f"http://127.0.0.1:{self.proxy.port}"
            self._started = started.pop_all()

    def close(self) -> None:
        """End everything that still runs."""
        self._started.close()

    def _start(self, service: Composed) -> list[Process]:
        return [self._start_one(service) for _ in range(service.replicas)]

    def _start_one(self, service: Composed) -> Process:
        port = free_port()
        volume = self._directory / service.mounts["/data"]
        url = service.environment["CHIASM_JOBS_URL"]
        assert re.fullmatch(r"postgresql://chiasm:\w+@database:5432/chiasm", url)
        stands_in = {
            "CHIASM_JOBS_URL": self._database_url,
            "CHIASM_DATA_DIR": str(volume),
            "CHIASM_PORT": str(port),
        }
        environment = {**service.environment, **stands_in, **self._settings}
        command = [str(CHIASM), *(service.command or ["serve"])]
        return self._keep(command, environment, f"chiasm-{port}", port)

    def _start_proxy(self, service: Composed) -> Process:
        port = free_port()
        directory = self._directory / "nginx"
        directory.mkdir()
        site = (ROOT / service.mounts[SITE]).read_text(encoding="utf-8")
        replicas = (ROOT / service.mounts[REPLICAS]).read_text(encoding="utf-8")
        (listens,) = re.findall(r"listen (\d+);", site)
        assert service.spec["ports"][0].endswith(f":{listens}")
        (directory / "site.conf").write_text(
            site.replace(f"listen {listens};", f"listen 127.0.0.1:{port};").replace(
                REPLICAS, f"{directory}/replicas.conf"
            )
        )
        (directory / "replicas.conf").write_text(self._replicas(replicas))
        user = "user root;" if os.getuid() == 0 else ""
        main = directory / "nginx.conf"
        main.write_text(AROUND.format(directory=directory, user=user))
        assert NGINX
        process = self._keep([NGINX, "-c", str(main)], {}, "nginx", port)
        process.wait_for("/healthz")
        return process

    def _replicas(self, text: str) -> str:
        """Name the replicas one by one; following a name is what nginx does from 1.27.3 on."""
        text, resolvers = re.subn(r"(?m)^resolver .*;$", "", text)
        (followed,) = re.findall(r"server api:8000 resolve(.*);", text)
        servers = [f"server 127.0.0.1:{api.port}{followed};" for api in self.api]
        assert resolvers == 1
        return text.replace(f"server api:8000 resolve{followed};", "\n".join(servers))

    def _keep(
        self, command: list[str], environment: dict[str, str], name: str, port: int
    ) -> Process:
        process = Process(command, environment, self._directory / f"{name}.log", port)
        self._started.callback(process.close)
        return process
