from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service import settings as module
from service.settings import Settings, bundled_models

KEY = "0123456789abcdef"


def test_the_defaults_suit_one_machine() -> None:
    settings = Settings()

    assert settings.host == "127.0.0.1"  # nobody else's business unless the operator says so
    assert settings.port == 8000
    assert settings.api_keys == ()
    assert settings.cors_origins == ()
    assert settings.device == "auto"
    assert settings.models_dir == bundled_models()
    assert settings.max_image_bytes == 20_000_000
    assert settings.max_pixels == 50_000_000


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("CHIASM_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("CHIASM_PORT", "0", "port", 0),
        ("chiasm_port", "65535", "port", 65_535),
        ("CHIASM_LOG_LEVEL", "debug", "log_level", "debug"),
        ("CHIASM_CORS_ORIGINS", "", "cors_origins", ()),
        ("CHIASM_CORS_ORIGINS", "*", "cors_origins", ("*",)),
        ("CHIASM_CORS_ORIGINS", " a , b,,", "cors_origins", ("a", "b")),
        ("CHIASM_DEFAULT_CLASSIFY", "a,b", "default_classify", ("a", "b")),
        ("CHIASM_MODELS_DIR", "/models", "models_dir", Path("/models")),
        ("CHIASM_DEVICE", "cuda", "device", "cuda"),
        ("CHIASM_CPUS", "0.5", "cpus", 0.5),
        ("CHIASM_INSTANCES", "3", "instances", 3),
        ("CHIASM_REQUEST_TIMEOUT_MS", "1.5", "request_timeout_ms", 1.5),
    ],
)
def test_a_variable_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, field: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)

    assert getattr(Settings(), field) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CHIASM_HOST", ""),  # which would bind every address
        ("CHIASM_PORT", "65536"),
        ("CHIASM_PORT", "-1"),
        ("CHIASM_PORT", "http"),
        ("CHIASM_LOG_LEVEL", "loud"),
        ("CHIASM_API_KEYS", "short"),
        ("CHIASM_API_KEYS", f"{KEY},short"),
        ("CHIASM_API_KEYS", "schlüssel-0123456789"),  # no header could bring it
        ("CHIASM_DEVICE", "gpu"),
        ("CHIASM_DEVICE", "cpu\n"),
        ("CHIASM_CPUS", "0"),
        ("CHIASM_INSTANCES", "0"),
        ("CHIASM_MAX_IMAGE_BYTES", "0"),
        ("CHIASM_MAX_IN_FLIGHT", "0"),
        ("CHIASM_MAX_WAIT_MS", "0"),
        ("CHIASM_REQUEST_TIMEOUT_MS", "soon"),
        ("CHIASM_SHUTDOWN_GRACE_S", "-1"),
    ],
)
def test_a_wrong_value_is_laid_to_its_field(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(ValidationError) as caught:
        Settings()

    (mistake,) = caught.value.errors()
    assert f"CHIASM_{mistake['loc'][0]}".upper() == variable


def test_every_field_has_a_line_of_meaning() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "`.")), name


def test_nothing_changes_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_there_are_no_other_settings() -> None:
    others: dict[str, Any] = {"colour": "red"}

    with pytest.raises(ValidationError, match="colour"):
        Settings(**others)


def test_keys_are_split_and_kept_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIASM_API_KEYS", f"{KEY}, another-{KEY} ,")

    settings = Settings()

    assert [key.get_secret_value() for key in settings.api_keys] == [KEY, f"another-{KEY}"]
    assert KEY not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_models_of_an_installed_package_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "service"
    monkeypatch.setattr(module, "PACKAGE", package)
    assert bundled_models() == tmp_path / "models"

    (package / "_models").mkdir(parents=True)
    assert bundled_models() == package / "_models"
