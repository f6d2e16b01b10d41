"""What operators and machines ask: alive, ready, which models, which metrics."""

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service.api.schemas import Health, ModelDetail, ModelList, Readiness
from service.engine.repository import Model, Repository, State
from service.errors import ModelNotFound, ModelNotReady
from service.telemetry import Metrics


def router(models: Repository, metrics: Metrics) -> APIRouter:
    """Return the routes about the service itself."""
    routes = APIRouter(tags=["system"])

    @routes.get("/healthz", operation_id="health", summary="Is the event loop alive?")
    async def health() -> Health:
        return Health(status="ok")

    @routes.get(
        "/readyz",
        operation_id="readiness",
        summary="Are all models loaded, warm and right?",
        response_model=Readiness,
        responses={503: {"model": Readiness}},
    )
    async def readiness() -> Response:
        failed = {
            model.name: model.reason
            for model in models.models.values()
            if model.state is not State.READY
        }
        body = Readiness(
            ready=not failed and not models.draining,
            draining=models.draining,
            models={model.name: model.state.value for model in models.models.values()},
            reasons=failed,
        )
        return JSONResponse(body.model_dump(), status_code=200 if body.ready else 503)

    @routes.get(
        "/metrics",
        operation_id="metrics",
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
    )
    async def prometheus() -> Response:
        text = await asyncio.to_thread(metrics.text)  # adds up the files of all workers
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @routes.get("/models", operation_id="list_models", summary="Which models are there?")
    async def list_models() -> ModelList:
        return ModelList(
            cpus=models.cpus,
            cpu_threads=models.pool.threads,
            models=[describe(models, model) for model in models.models.values()],
        )

    @routes.get("/models/{name}", operation_id="get_model", summary="One model, layer by layer")
    async def get_model(name: str) -> ModelDetail:
        model = models.models.get(name)
        if model is None:
            raise ModelNotFound(name, sorted(models.models))
        return await asyncio.to_thread(_detail, models, model)

    return routes


def describe(models: Repository, model: Model) -> dict[str, Any]:
    """Return one row of the list of models."""
    manifest = model.folder.manifest
    try:
        default = models.find(model.task) is model
    except (ModelNotFound, ModelNotReady):
        default = False
    return {
        "name": model.name,
        "task": model.task,
        "description": manifest.description,
        "license": manifest.license,
        "source": manifest.source,
        "default": default,
        "state": model.state.value,
        "reason": model.reason,
        "provider": model.session.provider,
        "instances": model.instances,
        "threads": model.threads,
        "load_ms": round(model.load_ms, 1),
    }


def _detail(models: Repository, model: Model) -> ModelDetail:
    layers, totals = _layers(model)
    return ModelDetail(
        **describe(models, model),
        manifest={
            **model.folder.manifest.model_dump(mode="json", exclude_none=True),
            "config": model.folder.config.model_dump(mode="json", exclude={"labels"}),
        },
        inputs=[asdict(info) for info in model.session.inputs],
        outputs=[asdict(info) for info in model.session.outputs],
        layers=layers,
        totals=totals,
    )


def _layers(model: Model) -> tuple[list[dict[str, Any]], dict[str, int | None]]:
    from service.engine.graph import summarize  # brings in `onnx`: only who asks pays for it

    spec = model.folder.manifest.input
    summary = summarize(model.folder.graph_path, input_size=spec.size, layout=spec.layout.value)
    totals = {
        "parameters": summary.parameters,
        "statistics": summary.statistics,
        "multiply_adds": summary.multiply_adds,
    }
    return to_jsonable_python(summary.layers), totals
