"""Chiasm as it ships: `chiasm serve` with every bundled model loaded and no setting changed.

Twice, because the way a picture arrives has a price of its own: once as its README asks for it,
with the file's bytes as the body, and once in a multipart form, which is what the others take.
Only the log level differs from the defaults: nobody here writes a line for each request.
"""

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
