"""What the documents show runs as it stands, and what they list is complete."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from prometheus_client import CollectorRegistry

from service.api.problems import STATUS
from service.jobs.webhook import Webhooks
from service.telemetry import Metrics
from tests import documents
from tests.api import openapi
from tests.documents import ADDRESS
from tests.jobs.listeners import SECRET, listening
from tools.readme import README
from tools.served import Served

DOCS = README.parent / "docs"
KEY = "a-key-for-readers-0123456789"
SCRIPTED = ("api.md", "faces.md", "operate.md", "security.md", "segment.md", "style.md")
# What the operator of the document has set, and what the reader has in the environment.
SETTINGS = {"security.md": {"CHIASM_API_KEYS": KEY}}
ENVIRONMENT = {"security.md": {"CHIASM_API_KEY": KEY}}
WRITTEN = {
    "api.md": {"found.jpg": "RGB", "cat-painted.png": "RGB", "so-far.webp": "RGB"},
    "faces.md": {"faces.jpg": "RGB"},
    "segment.md": {"person.png": "RGBA", "nuclei.png": "I;16", "edges.png": "L"},
    "style.md": {"painted.jpg": "RGB", "cat-preset.png": "RGB", "cat-coffee.png": "RGB"},
}


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[str], Served]]:
    """Return what starts the server of a document; those without settings share one."""
    started: dict[str, Served] = {}
    with ExitStack() as stack:

        def server(document: str) -> Served:
            name = document if document in SETTINGS else ""
            if name not in started:
                settings = {"CHIASM_MAX_WAIT_MS": "60000", **SETTINGS.get(document, {})}
                started[name] = stack.enter_context(Served(settings))
            return started[name]

        yield server


@pytest.mark.parametrize("document", SCRIPTED)
def test_scripts_run_and_answer_what_they_say(
    document: str, serve: Callable[[str], Served], tmp_path: Path
) -> None:
    server, folder = serve(document), documents.reader(tmp_path)
    (folder / "data").symlink_to(server.data)
    scripts = documents.shell_scripts(document)
    assert scripts

    for script, stated in scripts:
        local = script.replace(ADDRESS, server.url)
        environment = ENVIRONMENT.get(document, {})
        said = documents.run("bash", "-c", documents.STRICT + local, folder=folder, **environment)
        answers = list(documents.documents(said))
        assert stated is None or any(documents.holds(stated, one) for one in answers), said
    for name, mode in WRITTEN.get(document, {}).items():
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == mode


def test_the_module_prints_what_it_says(serve: Callable[[str], Served], tmp_path: Path) -> None:
    node, server = documents.node(), serve("api.md")
    module = documents.reader(tmp_path) / "calls.mjs"
    module.write_text(documents.program("api.md", "js").replace(ADDRESS, server.url))

    printed = documents.run(node, module, folder=tmp_path)

    assert printed.splitlines() == documents.promised("api.md", "js")


@pytest.mark.parametrize("document", ["api.md", "security.md"])
def test_the_script_prints_what_it_says(
    document: str, serve: Callable[[str], Served], tmp_path: Path
) -> None:
    server = serve(document)
    script = documents.program(document, "python").replace(ADDRESS, server.url)
    (documents.reader(tmp_path) / "calls.py").write_text(script)

    environment = ENVIRONMENT.get(document, {})
    printed = documents.run(sys.executable, "calls.py", folder=tmp_path, **environment)

    assert printed.splitlines() == documents.promised(document, "python")


# Every endpoint, option, error and metric is there


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_is_called(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    calls = documents.program("api.md", "sh")

    for _, path, _ in operations:
        called = path.replace("/style/{job_id}", "$job").replace("{name}", "selfie-person")
        assert re.search(rf"{re.escape(called)}['\"?\s]", calls), path
    assert "-X DELETE" in calls


def test_every_option_is_explained(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")

    for _, path, operation in operations:
        about = re.compile(rf".*/{path.split('/')[1]}\b")
        section = next(part for part in text.split("\n## ") if about.match(part))
        for parameter in operation.get("parameters", []):
            where = section if parameter["in"] == "query" else text
            assert parameter["in"] == "path" or f"`{parameter['name']}" in where, parameter["name"]


def test_every_error_is_listed_with_its_status() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.M))

    real = {error.code: str(status) for error, status in STATUS.items()}
    assert listed == {**real, "internal_error": "500"}


def test_every_metric_is_listed() -> None:
    text = (DOCS / "operate.md").read_text(encoding="utf-8")
    table = set(re.findall(r"^\| `(chiasm_\w+?)(?:\{|`)", text, re.M))
    names = set(sample_names(Metrics().registry))

    assert table == names


def sample_names(registry: CollectorRegistry) -> Iterator[str]:
    """Yield the names of instruments as they are written, a counter's with `_total`."""
    for family in registry.collect():
        yield f"{family.name}_total" if family.type == "counter" else family.name


def test_every_alert_is_listed() -> None:
    text = (DOCS / "operate.md").read_text(encoding="utf-8")
    rules = (DOCS.parent / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    [group] = yaml.safe_load(rules)["groups"]

    listed = re.findall(r"^\| `(Chiasm\w+)` \|", text, re.M)
    assert listed == [rule["alert"] for rule in group["rules"]]


def test_the_receivers_check_knows_what_the_service_signed() -> None:
    [check] = [one.text for one in documents.blocks("security.md") if "def genuine" in one.text]
    names: dict[str, Any] = {}
    exec(check, names)
    with listening(204) as server:
        assert Webhooks(["127.0.0.1"], SECRET).send(server.url, b"{}")
    [(_, headers, body)] = server.heard
    at, signature = headers["Chiasm-Timestamp"], headers["Chiasm-Signature"]

    assert names["genuine"](body, at, signature, SECRET)
    assert not names["genuine"](body + b" ", at, signature, SECRET)
    assert not names["genuine"](body, at, signature, "another secret")
    assert not names["genuine"](body, str(int(at) - 600), signature, SECRET)


# The harness itself


@pytest.mark.parametrize(
    ("stated", "real", "same"),
    [
        ({}, {"a": 1}, True),  # a part is enough
        ({"a": 1}, {}, False),
        ({"a": 0.41}, {"a": 0.408}, True),  # rounded
        ({"a": 0.5}, {"a": 0.408}, False),
        ({"a": 5}, {"a": 6}, False),  # counts are exact
        ([{"a": 1}], [{"a": 1}, {"a": 2}], True),  # the first of several
        ([1, 2], [1], False),
        ({"a": None}, {"a": None}, True),
    ],
)
def test_a_document_may_tell_a_part_of_an_answer(stated: Any, real: Any, same: bool) -> None:
    assert documents.holds(stated, real) is same


def test_answers_are_found_among_other_output() -> None:
    text = 'id: 1\ndata: {"a": {"b": 1}}\n\n{broken {"c": 2}' + json.dumps({"d": "{"})

    assert list(documents.documents(text)) == [{"a": {"b": 1}}, {"c": 2}, {"d": "{"}]
