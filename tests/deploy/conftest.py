"""The scale profile, running, and the database that it needs."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.databases import postgresql, postgresql_url  # noqa: F401  (fixtures)
from tests.deploy.rehearsal import NGINX, Rehearsal
from tests.serving import MODELS

SERVED = ("efficientnet-lite0", "multistyle26")  # enough for a request and a job


@pytest.fixture
def rehearsal(tmp_path: Path, postgresql_url: str) -> Iterator[Rehearsal]:  # noqa: F811
    """Return the scale profile as it runs here: PostgreSQL, API, worker, and nginx before them."""
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    models = tmp_path / "models"
    models.mkdir()
    for name in SERVED:
        (models / name).symlink_to(MODELS / name)
    # One CPU each, as if each had a machine of its own; patient, since they have not.
    settings = {"models_dir": str(models), "cpus": "1", "max_wait_ms": "60000"}
    with closing(Rehearsal(tmp_path, postgresql_url, **settings)) as running:
        yield running
