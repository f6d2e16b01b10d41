"""Builds every object of the service, and owns their lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from pydantic import SecretStr
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.api import faces, problems, segment, style, system, tasks, web
from service.api.entrance import Door, Entrance, Guard
from service.api.intake import Intake
from service.api.keys import ApiKeys
from service.api.middleware import LastResort, Telemetry
from service.api.routes import Shortcut
from service.api.schemas import Problem
from service.engine.cpus import usable_cpus
from service.engine.faces import check_calibrations
from service.engine.manifest import ModelFolder
from service.engine.repository import EngineLimits, Repository, scan
from service.engine.session import Device
from service.errors import ChiasmError, StartupError
from service.imaging.decode import DecodeLimits
from service.jobs.painting import StylePainter
from service.jobs.settings import JobSettings
from service.settings import Settings
from service.telemetry import Metrics

if TYPE_CHECKING:
    from service.jobs.jobs import Jobs

log = logging.getLogger(__name__)

LAG_TICK_S = 0.25
JOBS_TICK_S = 5.0


def create_app(settings: Settings) -> FastAPI:
    """Load the models and return the service, ready to be served.

    Loading happens here and not in the lifespan, so that a wrong manifest, a missing device or
    a changed file stops the process before it opens a port. Whoever calls this closes what it
    built by running the lifespan to its end.

    Raises:
        StartupError: the service cannot start as configured; says what to mend.
    """
    metrics = Metrics(shared=settings.workers > 1)
    decode = decode_limits(settings)
    models = open_models(settings, metrics)
    painter = StylePainter(models=models, decode=decode)
    try:
        check_calibrations(models)
        jobs = open_jobs(settings, painter)
    except StartupError:
        models.close()
        raise
    intake = Intake(
        max_image_bytes=settings.max_image_bytes, max_buffered_bytes=settings.max_buffered_bytes
    )
    _watch(metrics, models, intake)
    _announce(settings, models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        metrics.workers.set(1)
        watching = [asyncio.create_task(_measure_lag(metrics))]
        if jobs is not None:
            watching.append(asyncio.create_task(_count_jobs(metrics, jobs)))
        yield
        for watch in watching:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        if jobs is not None:
            await asyncio.to_thread(jobs.close)
        await asyncio.to_thread(models.close)

    app = FastAPI(
        title="Chiasm",
        version=__version__,
        summary="Pretrained vision networks behind plain REST endpoints",
        lifespan=lifespan,
        telemetry=_traces(),
        redirect_slashes=False,
        docs_url=None,  # ours needs no other host, and runs no script of one beside people's keys
        redoc_url=None,
        responses={
            "4XX": {"model": Problem, "description": "The request is at fault; `code` says how."},
            "5XX": {"model": Problem, "description": "Overloaded, late, or a bug."},
        },
    )
    app.state.models, app.state.jobs = models, jobs
    problems.install(app)
    served = tasks.Tasks(
        models=models, intake=intake, decode=decode, timeout_ms=settings.request_timeout_ms
    )
    direct = [tasks.router(served), segment.router(served), faces.router(served)]
    for router in direct:
        app.include_router(router)
    painted = style.Style(
        jobs=jobs,
        painter=painter,
        intake=intake,
        pool=models.pool,
        timeout_ms=settings.request_timeout_ms,
    )
    app.include_router(style.router(painted))
    app.include_router(system.router(models, metrics))
    page = web.read_files()
    app.include_router(web.router(page))
    # The last one added is the outermost: every answer, a bug's and a refused key's too, gets its
    # CORS headers, and then its id, its metrics and its log line.
    app.add_middleware(Shortcut, routers=direct)
    app.add_middleware(LastResort)
    guarded = {**tasks.GUARDED, **segment.GUARDED, **faces.GUARDED}
    secrets = [key.get_secret_value() for key in settings.api_keys]
    keys = ApiKeys(secrets, open_paths=page)  # the page itself asks for a key
    entrance = Entrance(keys, models, guarded)
    app.add_middleware(Guard, entrance=entrance)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Server-Timing", "X-Request-ID", "X-Execution-Provider", "Retry-After"],
        )
    app.add_middleware(Telemetry, metrics=metrics)
    app.state.door = Door(entrance, metrics, cors=bool(settings.cors_origins))
    return app


def _traces() -> TelemetryConfig:
    """Return which of FastAPI's own signals there are: none where nothing collects them.

    Otherwise it looks for a collector at every request, in the environment among others.
    """
    collected = find_spec("opentelemetry.sdk") is not None
    return {"tracing": collected, "metrics": collected, "logs": collected}


def open_models(
    settings: Settings, metrics: Metrics, folders: Sequence[ModelFolder] | None = None
) -> Repository:
    """Load the given model folders, or every one of the settings' directory that is installed.

    Raises:
        StartupError: a manifest is wrong, a file changed, or the device is missing.
    """
    folders = scan(settings.models_dir) if folders is None else folders
    for folder in folders:
        if folder.manifest.pull is not None and not folder.installed:
            log.info("%s is not installed: `chiasm models pull %s`", *[folder.manifest.name] * 2)
    return Repository(
        [one for one in folders if one.installed or one.manifest.pull is None],
        limits=EngineLimits(
            device=Device(settings.device),
            cpus=settings.cpus or usable_cpus(),
            instances=settings.instances,
            threads=settings.threads,
            max_in_flight=settings.max_in_flight,
            max_wait_s=settings.max_wait_ms / 1000,
            decode=decode_limits(settings),
        ),
        observer=metrics,
        preferred={
            "classify": settings.default_classify,
            "detect": settings.default_detect,
            "segment": settings.default_segment,
        },
    )


def open_jobs(settings: Settings, painter: StylePainter) -> "Jobs | None":
    """Open the style jobs, and go on with those that were left; None without style networks.

    Raises:
        StartupError: the data directory or the database cannot be opened.
    """
    if not any(model.task.startswith("style-") for model in painter.models.models.values()):
        log.info("style jobs are off: no style network is installed")
        return None
    from service.jobs.jobs import Jobs  # and SQLAlchemy, for those who have jobs

    return Jobs(
        JobSettings(
            data_dir=settings.data_dir,
            url=_secret(settings.jobs_url),
            shared=settings.workers > 1,
            concurrency=settings.jobs_concurrency,
            max_queued=settings.max_queued_jobs,
            ttl_s=settings.job_ttl_s,
            webhook_hosts=settings.webhook_hosts,
            webhook_secret=_secret(settings.webhook_secret),
        ),
        painter,
    )


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()


def decode_limits(settings: Settings) -> DecodeLimits:
    """Return what the operator allows of pictures."""
    return DecodeLimits(
        max_pixels=settings.max_pixels, max_side=settings.max_side, max_frames=settings.max_frames
    )


def _watch(metrics: Metrics, models: Repository, intake: Intake) -> None:
    """Let the gauges read the queues when they are scraped."""
    for model in models.models.values():
        metrics.watch(model.name, model.session.provider, model.pipeline)
    metrics.follow(metrics.pool_waiting, lambda: models.pool.waiting)
    metrics.follow(metrics.buffered_bytes, lambda: intake.buffered_bytes)


def _announce(settings: Settings, models: Repository) -> None:
    log.info(
        "planning with %.2f CPUs: %d threads for decoding, pre- and postprocessing",
        models.cpus,
        models.pool.threads,
    )
    for model in models.models.values():
        log.info(
            "%s: %s on %s, %d at once with %d threads each, loaded in %.0f ms",
            model.name,
            model.state.value,
            model.session.provider,
            model.instances,
            model.threads,
            model.load_ms,
        )
    log.info("API keys are %s", f"on ({len(settings.api_keys)})" if settings.api_keys else "off")
    log.info("CORS is %s", ", ".join(settings.cors_origins) or "off")


async def _measure_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_TICK_S
        await asyncio.sleep(LAG_TICK_S)
        metrics.loop_lag.set(max(0.0, loop.time() - due))
        metrics.sample()


async def _count_jobs(metrics: Metrics, jobs: "Jobs") -> None:
    while True:
        try:
            metrics.jobs_waiting.set(await asyncio.to_thread(jobs.waiting))
        except ChiasmError:
            pass  # the database is away, which whoever sends a job is told
        except Exception:  # a number that is missing must not end anything else
            log.exception("the jobs that wait cannot be counted")
        await asyncio.sleep(JOBS_TICK_S)
