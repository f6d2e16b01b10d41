"""The scale profile, running, and the database that it needs."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests import databases
from tests.deploy.rehearsal import NGINX, Rehearsal
from tests.serving import MODELS

STYLES = ("multistyle26", "magenta-style-predict", "magenta-style-transform")
SERVED = ("efficientnet-lite0", *STYLES)  # enough for a request and a job


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Return the scale profile as it runs here: PostgreSQL, API, worker, and nginx before them."""
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    directory = tmp_path_factory.mktemp("rehearsal")
    models = directory / "models"
    models.mkdir()
    for name in SERVED:
        (models / name).symlink_to(MODELS / name)
    # One CPU each, as if each had a machine of its own; patient, since they have not.
    settings = {"models_dir": str(models), "cpus": "1", "max_wait_ms": "60000"}
    with databases.running() as url:
        text = url.render_as_string(hide_password=False)
        with closing(Rehearsal(directory, text, **settings)) as running:
            yield running
