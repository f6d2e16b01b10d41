"""Everything Chiasm raises on purpose, whose fault it is, and nothing about HTTP.

    ChiasmError
    ├── StartupError            the operator's: the service refuses to start
    │   ├── ManifestError           a model folder is wrong; names file and key
    │   └── DeviceUnavailable       a device was asked for by name and is not there
    ├── BadRequest              the caller's: the same request will fail again
    │   ├── EmptyBody
    │   ├── InvalidBody             a multipart or JSON envelope that cannot be read
    │   ├── UnsupportedFormat       not a picture, or not of an allowed format
    │   ├── CorruptImage
    │   ├── TruncatedImage
    │   ├── ImageTooLarge           in bytes, pixels, side or frames
    │   ├── InvalidOption           names the option
    │   ├── ModelNotFound           says which there are
    │   ├── NoFace
    │   ├── MultipleFaces           says where they are
    │   ├── Unauthorized
    │   ├── JobNotFound             or it is somebody else's, or it expired
    │   ├── JobNotFinished          its result was asked for too early
    │   ├── JobFailed               it has no result; says why
    │   ├── JobCanceled             it has no result, and cannot be canceled again
    │   └── IdempotencyConflict     the key was used for another request
    └── Unavailable             nobody's: the same request may succeed later
        ├── Overloaded              says when to come back
        ├── ShareExceeded           the same, for a caller that has more in hand than others
        ├── DeadlineExceeded
        ├── ModelNotReady
        ├── ShuttingDown
        ├── JobsUnavailable         the database of the jobs cannot be reached
        └── StorageFull             there is no room for a job's files or records

`code` is the stable name that clients may rely on; `api/problems.py` maps classes to statuses.
Anything else that escapes is a bug.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar


class ChiasmError(Exception):
    """Base of every deliberate error; `members` are extra facts that the caller may see."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members: Mapping[str, object] = members


class StartupError(ChiasmError):
    """The service cannot start as configured."""

    code = "startup_error"


class ManifestError(StartupError):
    """A model folder contradicts itself, its graph or its task."""

    code = "manifest_error"

    def __init__(self, file: Path, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class DeviceUnavailable(StartupError):
    """A device was named and the runtime, or one session, does not have it."""

    code = "device_unavailable"


class BadRequest(ChiasmError):
    """The caller sent something that can never succeed."""

    code = "bad_request"


class EmptyBody(BadRequest):
    """No bytes arrived where a picture was due."""

    code = "empty_body"


class InvalidBody(BadRequest):
    """The envelope around the picture (multipart, JSON, base64) is malformed."""

    code = "invalid_body"


class UnsupportedFormat(BadRequest):
    """The bytes are not a picture of a format on the allow list."""

    code = "unsupported_format"


class CorruptImage(BadRequest):
    """The bytes begin like a picture and do not decode."""

    code = "corrupt_image"


class TruncatedImage(BadRequest):
    """The picture ends before its data does."""

    code = "truncated_image"


class ImageTooLarge(BadRequest):
    """The picture passes a limit in bytes, pixels, side length or frames."""

    code = "image_too_large"


class InvalidOption(BadRequest):
    """An option is unknown, malformed, out of range or contradicts another."""

    code = "invalid_option"

    def __init__(self, option: str, reason: str, **members: object) -> None:
        super().__init__(f"{option}: {reason}", option=option, **members)


class ModelNotFound(BadRequest):
    """No model of that name serves the task."""

    code = "model_not_found"

    def __init__(self, name: str, available: Sequence[str]) -> None:
        wanted = f"there is no model named {name!r} for this task" if name else "no model is there"
        super().__init__(wanted, available=list(available))


class NoFace(BadRequest):
    """There is no face in a picture that should show one."""

    code = "no_face"


class MultipleFaces(BadRequest):
    """There are several faces in a picture that should show one; says where they are."""

    code = "multiple_faces"


class Unauthorized(BadRequest):
    """The API key is missing or wrong."""

    code = "unauthorized"


class JobNotFound(BadRequest):
    """No job of that id belongs to the caller; it never did, or it expired."""

    code = "job_not_found"


class JobNotFinished(BadRequest):
    """The job has no result yet."""

    code = "job_not_finished"


class JobFailed(BadRequest):
    """The job ended without a result."""

    code = "job_failed"


class JobCanceled(BadRequest):
    """The job was canceled."""

    code = "job_canceled"


class IdempotencyConflict(BadRequest):
    """The idempotency key belongs to another request, or to one that is still being read."""

    code = "idempotency_conflict"


class Unavailable(ChiasmError):
    """The request was fine; the service could not take it or finish it."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: float = 1.0, **members: object) -> None:
        super().__init__(detail, **members)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """The predicted wait is longer than allowed, or the queue is full."""

    code = "overloaded"


class ShareExceeded(Unavailable):
    """The caller has its share of the service in hand already, and others have work in it too."""

    code = "share_exceeded"


class DeadlineExceeded(Unavailable):
    """The request's deadline passed before its answer was ready."""

    code = "deadline_exceeded"


class ModelNotReady(Unavailable):
    """The model is loaded but failed its golden check."""

    code = "model_not_ready"


class ShuttingDown(Unavailable):
    """The service is draining and takes no new work."""

    code = "shutting_down"


class JobsUnavailable(Unavailable):
    """The database of the jobs cannot be reached."""

    code = "jobs_unavailable"


class StorageFull(Unavailable):
    """The disk, or the database, has no room left."""

    code = "storage_full"
