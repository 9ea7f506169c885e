"""Every error Veriscope raises on purpose.

    VeriscopeError
    ├── BadInput                      the sender's fault: 4xx, exit 2, never retried
    │   ├── EmptyInput                nothing was sent
    │   ├── UnsupportedKind           a kind of file we do not examine
    │   ├── DamagedMedia              the right kind, but it does not decode
    │   ├── EncryptedMedia            decodes only with a key we do not have
    │   ├── TooLarge                  over a limit in bytes, pixels, seconds or streams
    │   ├── DecodeLimit               decoding took more time or memory than allowed
    │   ├── BadRequest                a parameter that makes no sense
    │   ├── UnreachableUrl            an address that may not, or cannot, be fetched
    │   ├── BadSetting                a setting that makes no sense
    │   └── BadModel                  a network, or its manifest, that cannot be taken in
    ├── Denied                        this principal may not
    │   ├── Unauthorised              no token, or a wrong one
    │   └── RateLimited               too many requests
    ├── NotFound                      no such record for this principal
    ├── Conflict                      the record is in another state
    │   └── Cancelled                 the work was cancelled by its owner
    └── Fault                         our fault, or a part of ours: 5xx, exit 1
        ├── ModelUnavailable          a network is missing, damaged or does not load
        ├── InferenceFailed           a network did not answer
        ├── DecoderLost               the decode child was killed from outside
        ├── StorageDown               the bucket or the database does not answer
        ├── Overloaded                bounded queues are full
        ├── LeaseLost                 another worker owns this job now
        ├── TimedOut                  a job ran past its hard time limit
        ├── LeakFound                 the second look at a redacted file still saw something: no file is given out
        ├── RenderFailed              the redacted file could not be written
        └── Internal                  anything unforeseen, wrapped once at the boundary

The code, HTTP status and retryability live on the class; one handler in ``api`` renders them all as
``{"error": {"code", "message", "hint"}}``, and the CLI prints the same object.
"""

from __future__ import annotations

from typing import ClassVar


class VeriscopeError(Exception):
    """Root of the tree. ``message`` is one plain sentence; ``hint`` says what to do next."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def as_dict(self) -> dict[str, str]:
        """The public shape, without the enclosing ``error`` key."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class BadInput(VeriscopeError):
    code = "bad_input"
    status = 400
    exit_code = 2


class EmptyInput(BadInput):
    code = "empty_input"
    default_hint = "Send a file, a link or a text."


class UnsupportedKind(BadInput):
    code = "unsupported_kind"
    status = 415
    default_hint = "Send a picture, a video, a sound file, plain text or HTML."


class DamagedMedia(BadInput):
    code = "damaged_media"
    status = 422
    default_hint = "Check that the file opens elsewhere, and ask for the original if it does not."


class EncryptedMedia(BadInput):
    code = "encrypted_media"
    status = 422
    default_hint = "Remove the protection and send the file again."


class TooLarge(BadInput):
    code = "too_large"
    status = 413
    default_hint = "Send a smaller file or a shorter part; the limits are listed under settings."


class DecodeLimit(BadInput):
    code = "decode_limit"
    status = 422
    default_hint = "The file needs more time or memory to decode than the settings allow."


class BadRequest(BadInput):
    code = "bad_request"


class UnreachableUrl(BadInput):
    code = "unreachable_url"
    status = 422
    default_hint = "Download the file yourself and send it."


class BadSetting(BadInput):
    code = "bad_setting"
    default_hint = "docs/settings.md lists every setting with its range."


class BadModel(BadInput):
    code = "bad_model"
    status = 422
    default_hint = "docs/models.md lists what a manifest says and what the network must answer."


class Denied(VeriscopeError):
    code = "denied"
    status = 403
    exit_code = 2


class Unauthorised(Denied):
    code = "unauthorised"
    status = 401
    default_hint = "Send the header 'Authorization: Bearer <token>'."


class RateLimited(Denied):
    code = "rate_limited"
    status = 429
    retryable = True
    default_hint = "Wait as long as the Retry-After header says."

    def __init__(self, message: str, *, retry_after: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NotFound(VeriscopeError):
    code = "not_found"
    status = 404
    exit_code = 2


class Conflict(VeriscopeError):
    code = "conflict"
    status = 409
    exit_code = 2


class Cancelled(Conflict):
    code = "cancelled"


class Fault(VeriscopeError):
    """Our fault. Retryable where the cause can pass by itself."""


class ModelUnavailable(Fault):
    code = "model_unavailable"
    status = 503
    default_hint = "Run 'veriscope models pull' or 'veriscope doctor'."


class InferenceFailed(Fault):
    code = "inference_failed"
    status = 503
    retryable = True


class DecoderLost(Fault):
    code = "decoder_lost"
    status = 503
    retryable = True
    default_hint = "Try again; if it happens again, the machine may be short of memory."


class StorageDown(Fault):
    code = "storage_down"
    status = 503
    retryable = True
    default_hint = "Try again in a moment."


class Overloaded(Fault):
    code = "overloaded"
    status = 503
    retryable = True
    default_hint = "Try again in a moment."

    def __init__(self, message: str, *, retry_after: int = 2, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class LeaseLost(Fault):
    code = "lease_lost"
    retryable = True


class TimedOut(Fault):
    code = "timed_out"
    status = 504


class LeakFound(Fault):
    code = "leak_found"
    status = 500
    default_hint = "Make a plan, add the boxes that are missing, and render it again; no file was written."


class RenderFailed(Fault):
    code = "render_failed"


class Internal(Fault):
    code = "internal"
    default_hint = "The operator finds the trace in the log under the request id."
