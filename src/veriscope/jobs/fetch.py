"""Calls to addresses that a sender names: fetched and told without becoming a way into the inner network.

Names are resolved here, every address is checked, and the connection goes to the address that was checked, so
a name that resolves differently a moment later gains nothing. Each redirect is checked the same way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import httpx

from veriscope.errors import Fault, UnreachableUrl
from veriscope.media.intake import Intake

MAX_REDIRECTS = 5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_AGENT = "Veriscope"


class CallbackFailed(Fault):
    """The address for callbacks did not take the news; the job table tries again."""

    code = "internal"
    retryable = True


def check_address(address: str) -> None:
    """Raises ``UnreachableUrl`` for anything but a public unicast address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        # an IPv4 address may travel inside an IPv6 one
        inner += [i for i in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if i is not None]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if any(not i.is_global or i.is_multicast or i.is_reserved or i.is_unspecified for i in inner):
        raise UnreachableUrl(f"The address {address} is not on the public internet, so it is not fetched.")


async def resolve(url: httpx.URL, *, private: bool) -> str:
    """The address to connect to. Raises ``UnreachableUrl`` when the URL may not or cannot be reached."""
    if url.scheme not in {"http", "https"}:
        raise UnreachableUrl("Only http and https links can be fetched.")
    if url.userinfo:
        raise UnreachableUrl("Links with a user name inside are not fetched.")
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, url.port or 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise UnreachableUrl(f"The name {url.host} is not known.") from exc
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise UnreachableUrl(f"The name {url.host} has no address.")
    if not private:
        for address in addresses:
            check_address(address)
    return addresses[0]


@asynccontextmanager
async def _request(
    client: httpx.AsyncClient, method: str, url: httpx.URL, *, private: bool, **content: Any
) -> AsyncIterator[httpx.Response]:
    address = await resolve(url, private=private)
    request = client.build_request(
        method,
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), "User-Agent": _AGENT, "Accept-Encoding": "identity"},
        extensions={"sni_hostname": url.host},  # the certificate is checked against the name, not the address
        **content,
    )
    response = await client.send(request, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


def _client(timeout: float) -> httpx.AsyncClient:
    # no proxy from the environment: it would resolve the name again, behind our back
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)


def parse(text: str) -> httpx.URL:
    """Raises ``UnreachableUrl`` for what is no http(s) link."""
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, TypeError) as exc:
        raise UnreachableUrl("This is not a link that can be fetched.") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise UnreachableUrl("Only http and https links can be fetched.")
    return url


def file_name(url: httpx.URL) -> str:
    return unquote(url.path).rstrip("/").rsplit("/", 1)[-1] or url.host


async def fetch(text: str, intake: Intake, *, timeout: float, private: bool) -> None:
    """Stream what the link leads to into ``intake``, which keeps its own limit of bytes.

    Args:
        timeout: seconds for everything together.
        private: whether addresses outside the public internet are allowed.

    Raises:
        UnreachableUrl: the link may not, or cannot, be fetched.
        TooLarge: from the intake.
    """
    url = parse(text)
    try:
        async with asyncio.timeout(timeout), _client(timeout) as client:
            for _ in range(MAX_REDIRECTS + 1):
                async with _request(client, "GET", url, private=private) as response:
                    if response.is_redirect and (target := response.headers.get("location")):
                        url = parse(str(url.join(target)))
                        continue
                    if response.status_code != 200:
                        raise UnreachableUrl(f"The server of the link answered {response.status_code}.")
                    async for chunk in response.aiter_bytes(1 << 18):
                        await asyncio.to_thread(intake.write, chunk)
                    return
            raise UnreachableUrl(f"The link redirects more than {MAX_REDIRECTS} times.")
    except TimeoutError as exc:
        raise UnreachableUrl(f"The link did not answer within {timeout:g} seconds.") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise UnreachableUrl(f"The link cannot be fetched: {type(exc).__name__}.") from exc


async def deliver(text: str, body: Mapping[str, Any], *, timeout: float, private: bool) -> None:
    """POST JSON to a callback address; anything but 2xx can be tried again.

    Raises:
        UnreachableUrl: the address may not be called.
        CallbackFailed: it did not answer as it should.
    """
    url = parse(text)
    try:
        async with (
            asyncio.timeout(timeout),
            _client(timeout) as client,
            _request(client, "POST", url, private=private, json=dict(body)) as response,
        ):
            if not response.is_success:
                raise CallbackFailed(f"The callback address answered {response.status_code}.")
    except (httpx.HTTPError, TimeoutError) as exc:
        raise CallbackFailed(f"The callback address did not answer: {type(exc).__name__}.") from exc
