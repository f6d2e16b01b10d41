"""What each of several workers may use, so that all of them promise what one process would."""

from service.engine.cpus import thread_budget, usable_cpus
from service.settings import Settings

PAINTER = 0
"""The worker that paints style jobs; the others accept them, show them and cancel them."""

# One request may bring two pictures in base64, which makes them a third longer.
PICTURES_BUFFERED = 3


def share(settings: Settings, slot: int) -> Settings:
    """Return the settings of one of the `workers` that the settings ask for.

    Whole CPUs are dealt out, so that none is lost to rounding: of three, two workers get two
    and one. Only where there are more workers than CPUs does each get a fraction.

    Args:
        settings: of the whole.
        slot: which worker it is, from 0.
    """
    cpus = settings.cpus or usable_cpus()
    if thread_budget(cpus) >= settings.workers:
        planned: float = _dealt(thread_budget(cpus), settings.workers, slot)
    else:
        planned = cpus / settings.workers
    pictures = PICTURES_BUFFERED * settings.max_image_bytes
    return settings.model_copy(
        update={
            "cpus": planned,
            "instances": settings.instances
            and max(1, _dealt(settings.instances, settings.workers, slot)),
            "max_in_flight": max(1, _dealt(settings.max_in_flight, settings.workers, slot)),
            "max_buffered_bytes": min(
                settings.max_buffered_bytes,
                max(pictures, settings.max_buffered_bytes // settings.workers),
            ),
            "jobs_concurrency": settings.jobs_concurrency if slot == PAINTER else 0,
        }
    )


def _dealt(number: int, workers: int, slot: int) -> int:
    """Return how many of `number` things a worker gets; the first ones get what is left over.

    >>> [_dealt(5, 3, slot) for slot in range(3)]
    [2, 2, 1]
    """
    return number // workers + (slot < number % workers)
