from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.golden import Golden, write_golden
from service.telemetry import Metrics
from tests import pictures
from tests.answers import problem, sample
from tests.serving import DIGITS, Serve, copy_model

pytestmark = pytest.mark.anyio

EFFICIENTNET = "efficientnet-lite0"


def spoil(folder: Path) -> None:
    """Give a model a golden answer that it will not give."""
    (folder / "golden.png").write_bytes(pictures.png())
    expected = {"predictions": [{"class_id": 3, "label": "three", "score": 1.0}]}
    golden = Golden(image="golden.png", options={"top_k": 1}, expected=expected)
    write_golden(folder, golden)


async def test_alive(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


# /readyz


async def test_ready(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "draining": False,
        "models": {DIGITS: "ready"},
        "reasons": {},
    }


async def test_a_wrong_golden_answer_is_not_ready_and_named(
    serve: Serve, models_dir: Path, picture: bytes
) -> None:
    spoil(copy_model(models_dir, name="spoilt"))
    served = await serve()

    response = await served.client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["draining"] is False
    assert response.json()["models"] == {DIGITS: "ready", "spoilt": "failed"}
    (name, reason), *others = response.json()["reasons"].items()
    assert (name, others) == ("spoilt", [])
    assert reason.startswith("golden answer: predictions.0.")
    assert "expected" in reason


async def test_a_model_that_is_not_ready_does_not_answer(
    serve: Serve, models_dir: Path, picture: bytes
) -> None:
    spoil(copy_model(models_dir, name="spoilt"))
    served = await serve(default_classify=("spoilt",))

    named = await served.client.post("/classify?model=spoilt", content=picture)
    default = await served.client.post("/classify", content=picture)
    other = await served.client.post(f"/classify?model={DIGITS}", content=picture)
    rows = (await served.client.get("/models")).json()["models"]

    assert problem(named, 503, "model_not_ready")["model"] == "spoilt"
    assert named.headers["retry-after"] == "1"
    problem(default, 503, "model_not_ready")
    assert other.status_code == 200
    assert [(row["name"], row["state"], row["default"]) for row in rows] == [
        (DIGITS, "ready", False),
        ("spoilt", "failed", False),
    ]
    assert rows[1]["reason"].startswith("golden answer: ")


async def test_not_ready_while_draining_but_alive(serve: Serve) -> None:
    served = await serve()
    served.models.drain(0.0)

    response = await served.client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["draining"] is True
    assert response.json()["models"] == {DIGITS: "ready"}
    assert (await served.client.get("/healthz")).status_code == 200


# /metrics


async def test_every_metric_is_there_and_explained(serve: Serve, picture: bytes) -> None:
    served = await serve()
    await served.client.post("/classify", content=picture)
    await served.client.post("/classify", content=b"text")

    response = await served.client.get("/metrics")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    for family in Metrics().registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        assert f"# HELP {family.name}{suffix} {family.documentation}" in response.text
        assert f"# TYPE {family.name}{suffix} {family.type}" in response.text


async def test_the_stages_of_every_answer_are_counted(serve: Serve, picture: bytes) -> None:
    served = await serve()

    async def counts() -> dict[str, float]:
        text = (await served.client.get("/metrics")).text
        stages = ("decode", "preprocess", "queue", "infer", "postprocess")
        return {
            stage: sample(text, "chiasm_stage_seconds_count", model=DIGITS, stage=stage)
            for stage in stages
        } | {"rows": sample(text, "chiasm_batch_rows_sum", model=DIGITS)}

    before = await counts()
    for _ in range(3):
        await served.client.post("/classify?crops=5", content=picture)
    after = await counts()

    moved = {key: after[key] - before[key] for key in after}
    assert moved == dict.fromkeys(moved, 3) | {"rows": 15}


async def test_what_a_model_runs_on_is_a_metric(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text

    info = sample(text, "chiasm_model_info", model=DIGITS, provider="CPUExecutionProvider")
    assert info == 1
    assert sample(text, "chiasm_resident_memory_bytes") > 10_000_000


# /models


async def test_the_list_of_models(serve: Serve, models_dir: Path) -> None:
    copy_model(models_dir, EFFICIENTNET)
    served = await serve(cpus=2.5, instances=2)

    listed = (await served.client.get("/models")).json()

    assert listed["cpus"] == 2.5
    assert listed["cpu_threads"] == 2
    rows: dict[str, Any] = {row["name"]: row for row in listed["models"]}
    assert list(rows) == [EFFICIENTNET, DIGITS]
    assert [row["default"] for row in rows.values()] == [True, False]
    row = rows[DIGITS]
    assert row["task"] == "classify"
    assert row["license"] == "Apache-2.0"
    assert row["source"]
    assert row["description"]
    assert row["state"] == "ready"
    assert row["reason"] == ""
    assert row["provider"] == "CPUExecutionProvider"
    assert row["instances"] == 2
    assert row["threads"] == 1
    assert row["load_ms"] > 0


async def test_one_model_layer_by_layer(client: httpx.AsyncClient) -> None:
    row = (await client.get("/models")).json()["models"][0]
    found = (await client.get(f"/models/{DIGITS}")).json()

    assert found.items() >= row.items()
    assert found["manifest"]["input"]["size"] == [32, 32]
    assert found["manifest"]["config"]["top_k"] == 3
    assert "labels" not in found["manifest"]["config"]  # of some models there are thousands
    assert found["inputs"] == [{"name": "image", "shape": [None, 32, 32, 1], "dtype": "uint8"}]
    assert found["outputs"][0] == {"name": "logits", "shape": [None, 10], "dtype": "float32"}
    first = found["layers"][0]
    assert (first["type"], first["filter"], first["stride"]) == ("Conv", [5, 5], [1, 1])
    assert (first["padding"], first["output"]) == ([0, 0, 0, 0], [28, 28, 6])
    assert first["parameters"] == (5 * 5 + 1) * 6
    for key in ("parameters", "multiply_adds"):
        assert found["totals"][key] == sum(layer[key] or 0 for layer in found["layers"])


async def test_a_model_that_is_not_there(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/models/resnet"), 404, "model_not_found")

    assert document["available"] == [DIGITS]


async def test_a_model_is_no_path(client: httpx.AsyncClient) -> None:
    problem(await client.get("/models/..%2F..%2Fetc"), 404, "not_found")
    problem(await client.get("/models/..%5Cetc"), 404, "model_not_found")
