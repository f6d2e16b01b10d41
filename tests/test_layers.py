"""What may import what, as ARCHITECTURE.md draws it."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[1] / "service"
TOP_DOWN = ["client", "__main__", "cli", "pull", "app", "api", "jobs", "engine", "tasks", "imaging"]
GROUND = ["errors", "logs", "telemetry", "settings", "arrays", "recipes", "__init__"]
HEIGHT = dict.fromkeys(GROUND, 0) | {name: i for i, name in enumerate(reversed(TOP_DOWN), 1)}
ONLY_IN = {
    "fastapi": ("api", "app"),
    "starlette": ("api", "app"),
    "uvicorn": ("cli",),
    "PIL": ("imaging",),
    "onnxruntime": ("engine.session",),
    "dbos": ("jobs",),
    "service.settings": ("app", "cli"),
    "service.recipes": ("pull", "recipes"),
    "h5py": ("recipes",),
    "httpx": ("client",),
    "anyio": ("client",),
    "tools": (),
    "bench": (),
}
NEVER_IN = {"asyncio": ("tasks", "imaging")}
# The client knows the service by what goes over the wire, and by nothing that a server needs.
CLIENT_KNOWS = ("service.client", "service.api.*schemas", "service.jobs.job", "service.__version__")
DOWN = "imports point down only"
NOWHERE = "never in the service"
SETTINGS = "service.settings only in app, cli"
RECIPES = "service.recipes only in pull, recipes"
CLIENT = "the client only knows the schemas and below"


def imports(path: Path, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of every import, at whatever depth of the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*above, node.module) if node.module else above)
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def broken_by(module: str, name: str) -> Iterator[str]:
    """Yield the rules that an import of `name` breaks in `module`, named from service on."""
    for package, places in ONLY_IN.items():
        if within(name, (package,)) and not within(module, places):
            yield f"{package} only in {', '.join(places)}" if places else f"{package} {NOWHERE}"
    for package, places in NEVER_IN.items():
        if within(name, (package,)) and within(module, places):
            yield f"{package} never in {', '.join(places)}"
    known = any(fnmatchcase(f"{name}.", f"{one}.*") for one in CLIENT_KNOWS)
    if within(module, ("client",)) and within(name, ("service",)) and not known:
        yield CLIENT
    layer = name.split(".")[1] if within(name, ("service",)) and "." in name else "__init__"
    if HEIGHT.get(layer, 0) > HEIGHT[module.split(".")[0]]:
        yield DOWN


def violations(service: Path) -> list[str]:
    found = []
    for path in sorted(service.rglob("*.py")):
        parts = path.relative_to(service).with_suffix("").parts
        file = f"service/{path.relative_to(service).as_posix()}"
        if parts[0] not in HEIGHT:
            found.append(f"{file}: a layer without a place in {[*TOP_DOWN, *GROUND]}")
            continue
        for line, name in imports(path, ("service", *parts[:-1])):
            rules = broken_by(".".join(parts), name)
            found += [f"{file}:{line}: {name}: {rule}" for rule in rules]
    return found


def test_the_rules_hold() -> None:
    assert violations(SERVICE) == []


@pytest.mark.parametrize(
    ("file", "source", "name", "rule"),
    [
        ("tasks/detect.py", "import fastapi", "fastapi", "fastapi only in api, app"),
        (
            "cli.py",
            "from starlette import status",
            "starlette.status",
            "starlette only in api, app",
        ),
        ("app.py", "import uvicorn", "uvicorn", "uvicorn only in cli"),
        ("api/intake.py", "from PIL import Image", "PIL.Image", "PIL only in imaging"),
        ("engine/a.py", "import onnxruntime", "onnxruntime", "onnxruntime only in engine.session"),
        ("app.py", "from dbos import DBOS", "dbos.DBOS", "dbos only in jobs"),
        ("imaging/a.py", "import asyncio", "asyncio", "asyncio never in tasks, imaging"),
        (
            "tasks/a.py",
            "from asyncio import sleep",
            "asyncio.sleep",
            "asyncio never in tasks, imaging",
        ),
        ("errors.py", "import tools.graph", "tools.graph", f"tools {NOWHERE}"),
        ("cli/serve.py", "from bench import load", "bench.load", f"bench {NOWHERE}"),
        ("jobs/a.py", "from service.settings import S", "service.settings.S", SETTINGS),
        ("api/a.py", "from service import settings", "service.settings", SETTINGS),
        ("api/a.py", "from service.pull import pull", "service.pull.pull", DOWN),
        ("cli/a.py", "from service.recipes import hed", "service.recipes.hed", RECIPES),
        ("recipes/a.py", "from service.tasks import base", "service.tasks.base", DOWN),
        ("api/a.py", "import httpx", "httpx", "httpx only in client"),
        ("client/a.py", "from service.api.tasks import a", "service.api.tasks.a", CLIENT),
        ("client/a.py", "from service import app", "service.app", CLIENT),
        ("client/a.py", "import service.jobs", "service.jobs", CLIENT),
        ("cli/a.py", "from service.client import Chiasm", "service.client.Chiasm", DOWN),
        ("__main__.py", "import service.client", "service.client", DOWN),
        ("engine/a.py", "import service.api.problems", "service.api.problems", DOWN),
        ("imaging/a.py", "from service import tasks", "service.tasks", DOWN),
        ("errors.py", "from .imaging import decode", "service.imaging.decode", DOWN),
        ("tasks/a.py", "from ..engine import pool", "service.engine.pool", DOWN),
        ("jobs/a.py", "def f():\n    import service.app", "service.app", DOWN),
    ],
)
def test_a_broken_rule_is_named(
    tmp_path: Path, file: str, source: str, name: str, rule: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    line = len(source.splitlines())

    assert violations(tmp_path) == [f"service/{file}:{line}: {name}: {rule}"]


@pytest.mark.parametrize("file", ["web/build.py", "helpers.py"])
def test_a_new_layer_needs_a_place(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()

    (violation,) = violations(tmp_path)

    assert violation.startswith(f"service/{file}: a layer without a place")


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "cli/serve.py",
            "import uvicorn\nfrom service.app import a\nfrom service.settings import S",
        ),
        ("api/faces.py", "import asyncio\nimport fastapi\nfrom service import __version__"),
        (
            "engine/session.py",
            "import onnxruntime\nfrom . import pool\nfrom service.tasks import a",
        ),
        ("tasks/faces.py", "import PILATES\nfrom service.tasks.base import Task\nimport tooling"),
        (
            "client/a.py",
            "import httpx\nfrom service import __version__\nfrom service.client import calls\n"
            "from service.api.schemas import Box\nfrom service.api.face_schemas import FaceRow",
        ),
    ],
)
def test_what_is_allowed(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)

    assert violations(tmp_path) == []
