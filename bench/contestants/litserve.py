"""LitServe, set up for CPUs as its documentation says.

* `workers_per_device` is the number of cores: "For CPU, set to the number of cores available on
  the machine" (docstring of `LitServer`). Each worker is a process with a session of one thread.
* `num_api_servers` is left to its default, as many as there are workers ("recommended").
* `fast_queue=True`: answers come back through ZeroMQ, which the docstring calls faster.
* `max_batch_size` stays 1. Its guide "Speed up serving by 200x" batches for GPUs; on a core of a
  CPU a batch of eight takes eight times as long as one, and pictures are decoded one by one all
  the same. YOLOX-nano's graph takes one picture only.
* One `LitAPI` for each model, with its own path, in one server.
* The picture arrives in a multipart form, which `decode_request` finds as an `UploadFile`.
"""

from bench.contestants.contestant import Contestant, rival

CONTESTANT = Contestant(
    name="litserve",
    command=rival("-m", "bench.contestants.litserve_server", "{port}"),
    probe="/health",
    paths={"classify": "/classify", "digit": "/digit", "detect": "/detect"},
    part="image",
)
