"""Scaling out, rehearsed: what callers notice when replicas die, restart and are upgraded."""

from concurrent.futures import ThreadPoolExecutor

from service.client import Chiasm, StyleJob
from tests import pictures
from tests.answers import sample
from tests.deploy.load import Load
from tests.deploy.rehearsal import Process, Rehearsal
from tests.serving import PATIENCE_S

CALLERS = 4
JOBS = 6


def answered(api: Process) -> float:
    return sample(
        api.get("/metrics").text, "chiasm_requests_total", route="/classify", status="200"
    )


def test_a_replica_dies_under_load_and_nobody_notices(
    rehearsal: Rehearsal, callers: ThreadPoolExecutor
) -> None:
    picture = pictures.jpeg(96, 64)
    dies, stays = rehearsal.api

    def order(number: int) -> StyleJob:
        return chiasm.style(picture, preset=str(number))

    with (
        Chiasm(rehearsal.url, timeout_s=PATIENCE_S) as chiasm,
        Load(rehearsal.url, picture, callers=CALLERS) as load,
    ):
        load.wait_for(40)
        assert answered(dies)
        assert answered(stays)
        before = [order(number) for number in range(JOBS)]
        during = [callers.submit(order, number) for number in range(JOBS)]
        dies.kill()
        load.wait_for(40)
        dies.start()
        dies.wait_for("/readyz")
        load.wait_for(40)
        back = answered(dies)
        refused = [error for asked in during if (error := asked.exception())]
        accepted = [*before, *(asked.result() for asked in during if not asked.exception())]
        ended = [job.wait(timeout_s=PATIENCE_S) for job in accepted]

    assert set(load.answers) == {200}
    # What it had in flight may be lost with it, nothing else; nginx asks the other one even then.
    assert len(load.lost) <= CALLERS
    assert back, "the proxy forgot the replica that came back"
    # A job that it was just writing down was not accepted, and holds its key for a while.
    assert {getattr(error, "code", error) for error in refused} <= {"idempotency_conflict"}
    assert {job.status.value for job in ended} == {"succeeded"}


def test_an_upgrade_replica_by_replica_loses_nothing(rehearsal: Rehearsal) -> None:
    with Load(rehearsal.url, pictures.jpeg(), callers=CALLERS) as load:
        for api in rehearsal.api:
            load.wait_for(20)
            assert api.end() == 0
            load.wait_for(20)
            api.start()
            api.wait_for("/readyz")
        load.wait_for(20)

    assert set(load.answers) == {200}
    assert load.lost == []
