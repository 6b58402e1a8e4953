"""One request to a host that may be talked to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .addresses import checked_addresses

if TYPE_CHECKING:
    import httpx  # the functions below import it themselves: it takes 20 MB, and most consoles send no request


@asynccontextmanager
async def sent(
    method: str, url: "httpx.URL", headers: "httpx.Headers", content: bytes | None
) -> "AsyncIterator[httpx.Response]":
    """The answer to a request, its body not read yet. Redirects are not followed; the caller sets the time limit.

    Connects to an address that was checked; the name goes into Host and into the check of the certificate. Raises
    HostRefused, HostUnknown, and httpx's own errors.
    """
    import httpx

    port = url.port or {"http": 80, "https": 443}[url.scheme]
    *others, last = await checked_addresses(url.host, port)
    name = url.raw_host.decode("ascii")
    host = f"[{name}]" if ":" in name else name
    whole = headers.copy()
    whole["Host"] = host if url.port is None else f"{host}:{url.port}"
    async with httpx.AsyncClient(
        trust_env=False,  # a proxy would resolve the name again
        verify=_certificates(),
        timeout=300,  # the caller's own time limit is shorter
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as client:
        for address in (*others, last):
            request = client.build_request(
                method, url.copy_with(host=address), headers=whole, content=content, extensions={"sni_hostname": name}
            )
            try:
                answer = await client.send(request, stream=True)
                break
            except httpx.ConnectError:
                if address == last:
                    raise
        try:
            yield answer
        finally:
            await answer.aclose()


_context: Any = None


def _certificates() -> Any:
    """Read once: it takes 20 ms."""
    global _context
    if _context is None:
        import httpx

        _context = httpx.create_ssl_context(trust_env=False)
    return _context
