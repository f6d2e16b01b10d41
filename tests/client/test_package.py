import subprocess
import sys

SERVERS_ONLY = ("fastapi", "starlette", "uvicorn", "onnxruntime", "onnx", "dbos", "sqlalchemy")


def test_it_brings_in_nothing_that_only_a_server_needs() -> None:
    told = "import sys, service.client; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert "service.client.chiasm" in done.stdout.split()
    assert set(done.stdout.split()).isdisjoint(SERVERS_ONLY)
