"""Types for TypeScript out of the OpenAPI document: a generator makes them, a compiler reads them.

The two come from npm once, into `.cache/`. Where that cannot be, the tests are skipped.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from tests.serving import PATIENCE_S, copy_model

PACKAGES = ("openapi-typescript@7.13.0", "typescript@5.9.3")
CACHE = Path(__file__).parents[2] / ".cache" / "-".join(PACKAGES)
USAGE = Path(__file__).with_name("openapi_usage.ts")
COMPILER_OPTIONS = {"strict": True, "noEmit": True, "target": "es2022", "types": []}


@pytest.fixture(scope="module")
def binaries() -> Path:
    """Return the directory of the programs of both packages."""
    if not CACHE.is_dir():
        _install(CACHE)
    return CACHE / "node_modules" / ".bin"


def _install(directory: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm, which brings the generator and the compiler")
    unfinished = directory.with_name(f"{directory.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    unfinished.joinpath("package.json").write_text("{}")
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        subprocess.run(
            [npm, "install", *flags, *PACKAGES],
            cwd=unfinished,
            capture_output=True,
            text=True,
            timeout=5 * PATIENCE_S,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot bring {' and '.join(PACKAGES)}: {error.stderr or error!r}")
    unfinished.rename(directory)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the document of a service that paints, too."""
    directory = tmp_path_factory.mktemp("service")
    copy_model(directory / "models", "multistyle26")
    settings = Settings(models_dir=directory / "models", data_dir=str(directory / "data"))
    app = create_app(settings)
    app.state.jobs.close()
    app.state.models.close()
    return app.openapi()


@pytest.fixture(scope="module")
def types(
    binaries: Path, document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a directory with the generated types in `schema.d.ts`."""
    directory = tmp_path_factory.mktemp("types")
    (directory / "openapi.json").write_text(json.dumps(document))
    run(binaries / "openapi-typescript", "openapi.json", "--output", "schema.d.ts", cwd=directory)
    return directory


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_compiler_accepts_them_and_what_one_does_with_them(binaries: Path, types: Path) -> None:
    shutil.copy(USAGE, types / "usage.ts")
    project = {"compilerOptions": COMPILER_OPTIONS, "files": ["schema.d.ts", "usage.ts"]}
    (types / "tsconfig.json").write_text(json.dumps(project))

    run(binaries / "tsc", "--project", "tsconfig.json", cwd=types)


def test_every_operation_has_its_name(types: Path, document: dict[str, Any]) -> None:
    written = (types / "schema.d.ts").read_text(encoding="utf-8")

    names = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert "start_style" in names
    assert [name for name in names if f'operations["{name}"];' not in written] == []


def test_nothing_that_is_answered_is_of_unknown_type(types: Path) -> None:
    lines = (types / "schema.d.ts").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if "/" in line and line.endswith('": unknown;')] == []
