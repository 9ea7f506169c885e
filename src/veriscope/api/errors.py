"""The one place that turns errors into answers: ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from veriscope import errors
from veriscope.errors import BadRequest, Internal, NotFound, StorageDown, Unauthorised, VeriscopeError

_BY_CODE: Mapping[str, type[VeriscopeError]] = {
    c.code: c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, VeriscopeError)
} | {"internal": Internal}


class ErrorBody(BaseModel):
    code: str = Field(description="Stable name of the error; docs/errors.md lists them.")
    message: str = Field(description="One plain sentence.")
    hint: str = Field(description="What to do next; may be empty.")


class ErrorAnswer(BaseModel):
    """What every failed request gets."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": {
                    "code": "too_large",
                    "message": "The file is larger than 209715200 bytes.",
                    "hint": "Send a smaller file or a shorter part; the limits are listed under settings.",
                }
            }
        }
    )
    error: ErrorBody


def from_dict(stored: Mapping[str, str]) -> VeriscopeError:
    """The error that a job ended with."""
    return _BY_CODE.get(stored.get("code", ""), Internal)(stored.get("message", ""), hint=stored.get("hint", ""))


def answer(error: VeriscopeError, status: int | None = None) -> JSONResponse:
    """The HTTP answer for an error."""
    headers = {}
    if retry_after := getattr(error, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = 'Bearer realm="Veriscope", Basic realm="Veriscope", charset="UTF-8"'
    return JSONResponse({"error": error.as_dict()}, status or error.status, headers=headers)


def invalid(exc: ValidationError | RequestValidationError) -> BadRequest:
    """The first thing that is wrong with the parameters, in one sentence."""
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in {"query", "body", "path"})
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return BadRequest(f"The parameter {where or 'body'} is wrong: {reason}.")


def _note(request: Request, error: VeriscopeError) -> VeriscopeError:
    request.scope.setdefault("veriscope", {})["error"] = error.code
    return error


async def _ours(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, VeriscopeError)
    return answer(_note(request, exc))


async def _invalid(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    return answer(_note(request, invalid(exc)))


async def _http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    if exc.status_code == NotFound.status:
        return answer(_note(request, NotFound("There is nothing at this address.")))
    if exc.status_code == 405:
        message = f"{request.method} is not possible at this address."
    else:
        message = f"The request cannot be understood: {exc.detail}."
    return answer(_note(request, BadRequest(message)), exc.status_code)


async def _records_away(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, OperationalError)
    return answer(_note(request, StorageDown("The records do not answer.")))


def install(app: FastAPI) -> None:
    app.add_exception_handler(VeriscopeError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _records_away)
