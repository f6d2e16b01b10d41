"""The Python client: what the HTTP interface answers, as typed values.

    from service.client import Chiasm, ChiasmProblem

    with Chiasm("http://127.0.0.1:8000") as chiasm:
        answer = chiasm.classify("docs/samples/cat.jpg", top_k=3)
        print(answer.predictions[0].label)

        for detection in chiasm.detect("docs/samples/coffee.jpg", classes=["cup"]).detections:
            print(detection.label, detection.score, detection.box.x1)

        marked = chiasm.detect_picture("docs/samples/coffee.jpg")

        try:
            chiasm.verify("docs/samples/cat.jpg", "docs/samples/coffee.jpg")
        except ChiasmProblem as problem:
            print(problem.code)

A picture is given as its bytes, its path, or a binary file. A picture that takes minutes is a job:

    job = chiasm.style("docs/samples/cat.jpg", "docs/samples/coffee.jpg", method="optimize")
    for event in job.events():
        print(f"{event.progress:.0%}")
    painted = job.result()

`AsyncChiasm` has the same calls, to be awaited. All it needs besides Chiasm is httpx, which the
extra `client` brings.
"""

from service.client.async_chiasm import AsyncChiasm
from service.client.chiasm import Chiasm
from service.client.pictures import Picture
from service.client.problems import ChiasmProblem
from service.client.style_job import AsyncStyleJob, StyleJob

__all__ = ["AsyncChiasm", "AsyncStyleJob", "Chiasm", "ChiasmProblem", "Picture", "StyleJob"]
