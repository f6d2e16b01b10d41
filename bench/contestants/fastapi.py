"""Plain FastAPI, as a tutorial would write it: one file, one process, uvicorn.

The endpoint is a `def`, not an `async def`: FastAPI then runs it in its thread pool, as its
documentation advises for code that blocks. The picture is an `UploadFile`, decoded whole by
Pillow, and the session has onnxruntime's default options. Nobody tuned anything; uvicorn has its
`standard` extras (uvloop, httptools), as the tutorial's `pip install "fastapi[standard]"` has.

Sources: FastAPI's documentation, "Request Files" and "Concurrency and async / await";
onnxruntime's, "Get started with ONNX Runtime in Python".
"""

from bench.contestants.contestant import Contestant, rival

CONTESTANT = Contestant(
    name="fastapi",
    command=rival(
        *("-m", "uvicorn", "bench.contestants.fastapi_app:app", "--port", "{port}"),
        *("--log-level", "warning", "--no-access-log"),
    ),
    probe="/openapi.json",
    paths={"classify": "/classify", "digit": "/digit", "detect": "/detect"},
    part="image",
)
