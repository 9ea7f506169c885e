"""Bytes in an S3-compatible bucket: what several machines share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from veriscope.errors import BadSetting, NotFound, StorageDown
from veriscope.store.blobs import PART, checked


class S3Blobs:
    """Implements ``Blobs``. Credentials come from where boto3 looks: ``AWS_*`` variables, a profile, a role.

    Args:
        url: ``s3://bucket/prefix``.
        endpoint: of another service than Amazon's, ``https://minio.example:9000``.
    """

    def __init__(self, url: str, endpoint: str = "") -> None:
        parsed = urlsplit(url)
        if parsed.scheme != "s3" or not parsed.netloc:
            raise BadSetting("The setting blob_url is wrong: it must be s3://bucket/prefix.")
        try:
            import boto3
            from boto3.exceptions import Boto3Error
            from boto3.s3.transfer import TransferConfig
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ModuleNotFoundError as exc:
            raise BadSetting(
                "blob_url needs the package boto3.", hint="Install the scale extra: pip install 'veriscope[scale]'."
            ) from exc
        self._bucket = parsed.netloc
        self._prefix = parsed.path.strip("/") + "/" if parsed.path.strip("/") else ""
        retries = Config(retries={"max_attempts": 4, "mode": "standard"}, connect_timeout=5, read_timeout=30)
        self._client: Any = boto3.client("s3", endpoint_url=endpoint or None, config=retries)
        self._refused: type[Exception] = ClientError
        self._faults: tuple[type[Exception], ...] = (BotoCoreError, ClientError, Boto3Error)
        self._transfer = TransferConfig(use_threads=False)

    def put(self, key: str, data: bytes) -> None:
        self._call("put_object", Key=self._prefix + checked(key), Body=data)

    def get(self, key: str) -> bytes:
        data: bytes = self._call("get_object", Key=self._prefix + checked(key))["Body"].read()
        return data

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        self._call("upload_fileobj", Key=self._prefix + checked(key), Fileobj=_File(parts), Config=self._transfer)

    def size(self, key: str) -> int:
        return int(self._call("head_object", Key=self._prefix + checked(key))["ContentLength"])

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        end = self.size(key) if length is None else min(self.size(key), start + length)
        if start >= end:
            return iter(())
        wanted = {"Key": self._prefix + checked(key), "Range": f"bytes={start}-{end - 1}"}
        return self._parts(self._call("get_object", **wanted)["Body"])

    def _parts(self, body: Any) -> Iterator[bytes]:
        try:
            yield from body.iter_chunks(PART)
        except self._faults as exc:
            raise StorageDown("The storage does not answer.", hint=type(exc).__name__) from exc
        finally:
            body.close()

    def delete(self, key: str) -> None:
        self._call("delete_object", Key=self._prefix + checked(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self._prefix + prefix, **more)
            for entry in page.get("Contents", []):
                yield entry["Key"][len(self._prefix) :]
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, **arguments)
        except self._faults as exc:
            code = getattr(exc, "response", {}).get("Error", {}).get("Code", "")
            if code in {"NoSuchKey", "404"}:
                raise NotFound("There is no such file any more.") from None
            raise StorageDown("The storage does not answer.", hint=f"{type(exc).__name__} {code}".strip()) from exc


class _File:
    """What boto3 reads an upload from."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._waiting = bytearray()

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._waiting) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._waiting += part
        end = len(self._waiting) if size < 0 else size
        data = bytes(self._waiting[:end])
        del self._waiting[:end]
        return data
