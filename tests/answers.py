"""What is expected of every answer, so that no test forgets a part of it."""

from typing import Any

import httpx

from service.telemetry import Metrics


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the document of a problem, having checked all that problems have in common."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:chiasm:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["x-request-id"]
    assert len(document["request_id"]) > 0
    return document


def predictions(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the classes of a successful answer."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def sample(metrics: Metrics | str, name: str, **labels: str) -> float:
    """Return a sample of the metrics, 0 where it has not been seen yet."""
    if isinstance(metrics, Metrics):
        return metrics.registry.get_sample_value(name, labels) or 0.0
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in metrics.splitlines():
        key, _, value = line.rpartition(" ")
        found, _, rest = key.partition("{")
        if found == name and set(filter(None, rest.rstrip("}").split(","))) == wanted:
            return float(value)
    return 0.0
