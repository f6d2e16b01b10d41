"""Chiasm as it ships: `chiasm serve` with every bundled model loaded and no setting changed.

Once as its README asks for it, with the file's bytes as the body; once in a multipart form, which
is what the others take and has a price of its own; and once with a process a core, as its README
has it for networks that take less time than an answer over HTTP.
Only the log level differs from the defaults: nobody here writes a line for each request.
"""

import os
import sys

from bench.contestants.contestant import Contestant

_COMMAND = (sys.executable, "-m", "service", "serve")
_PATHS = {
    "classify": "/classify",
    "digit": "/classify?model=lenet5-digits",
    "detect": "/detect",
}
CHIASM = Contestant(name="chiasm", command=_COMMAND, probe="/readyz", paths=_PATHS, part=None)
CHIASM_FORM = Contestant(
    name="chiasm-form", command=_COMMAND, probe="/readyz", paths=_PATHS, part="image"
)
CHIASM_WORKERS = Contestant(
    name="chiasm-workers",
    command=(*_COMMAND, "--workers", str(len(os.sched_getaffinity(0)))),
    probe="/readyz",
    paths=_PATHS,
    part=None,
)
