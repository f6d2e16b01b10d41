"""Remove from an environment what the service never opens: `slim.py /opt/chiasm`.

Every pattern must find something, so that the list does not outlive what it was made for. What
is left is driven through every endpoint by `make image-test`.
"""

import shutil
import sys
from pathlib import Path

UNUSED = {
    "onnxruntime/capi/libonnxruntime.so.*": "the C library; Python's extension links it statically",
    "onnxruntime/transformers": "tools for networks before they are served",
    "onnxruntime/quantization": "tools for networks before they are served",
    "onnxruntime/tools": "tools for networks before they are served",
    "onnx/backend/test": "ONNX's conformance tests and their data",
    "numpy/**/tests": "tests",
    "numpy/**/*.a": "for linking other extensions",
    "numpy/_core/include": "for compiling other extensions",
    "sqlalchemy/testing": "a kit for testing dialects",
}


def slim(environment: Path) -> int:
    """Remove what is unused and return how many bytes that was.

    Raises:
        FileNotFoundError: a pattern finds nothing; the list above is out of date.
    """
    (packages,) = environment.glob("lib/python3*/site-packages")
    freed = 0
    for pattern in UNUSED:
        found = list(packages.glob(pattern))
        if not found:
            raise FileNotFoundError(f"nothing fits {packages}/{pattern}")
        for path in found:
            files = [path, *path.rglob("*")] if path.is_dir() else [path]
            freed += sum(file.stat().st_size for file in files if file.is_file())
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return freed


if __name__ == "__main__":
    sys.stdout.write(f"{slim(Path(sys.argv[1])) / 1e6:.0f} MB removed\n")
