"""Who is compared: each a file that says how it was set up, and why so."""

from bench.contestants import bentoml, chiasm, fastapi, litserve
from bench.contestants.contestant import Contestant

SERVERS: dict[str, Contestant] = {
    one.name: one
    for one in (
        chiasm.CHIASM,
        chiasm.CHIASM_FORM,
        chiasm.CHIASM_WORKERS,
        litserve.CONTESTANT,
        bentoml.CONTESTANT,
        fastapi.CONTESTANT,
    )
}
CEILING = "ceiling"
"""Has no server: see `bench.contestants.ceiling`."""

CHIASM = chiasm.CHIASM.name
CHIASM_WORKERS = chiasm.CHIASM_WORKERS.name
RIVALS = tuple(name for name in SERVERS if not name.startswith(CHIASM))
"""Those that Chiasm is held against."""
