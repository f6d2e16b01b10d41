"""BentoML, set up for CPUs as its documentation says.

* `workers="cpu_count"`: one process a core ("Parallelize requests handling").
* Each worker has a session of one thread, so that workers do not fight for cores.
* Endpoints are synchronous, as the documentation advises for computing, and run in the worker's
  thread pool; `threads` keeps its default of one, as four did not differ by more than noise.
* No adaptive batching (`batchable`): it is for models that gain by batches. On a core of a CPU a
  batch of eight takes eight times as long as one, and YOLOX-nano's graph takes one picture only.
* The picture is a `PIL.Image`, the documented type, which arrives in a multipart form.
* No lines in an access log, no tracing, no reports to its makers.
"""

from bench.contestants.contestant import Contestant, rival

CONTESTANT = Contestant(
    name="bentoml",
    command=rival(
        *("-m", "bentoml", "serve", "bench.contestants.bentoml_service:Pictures"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    ),
    probe="/readyz",
    paths={"classify": "/classify", "digit": "/digit", "detect": "/detect"},
    part="image",
    environment={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_QUIET": "true"},
)
