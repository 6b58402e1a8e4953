"""Which hosts this console may talk to on behalf of a definition: the names, and what they lead to."""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(slots=True)
class Limits:
    """What the settings allow; the registry fills it in. As it is: every public host."""

    hosts: Sequence[str] = ("*",)
    private_networks: Sequence[str] = ()
    max_bytes: int = 1_048_576  # of one answer


LIMITS = Limits()


class HostRefused(Exception):
    """The host is not allowed. The text is a sentence for people, and says who can allow it."""


class HostUnknown(Exception):
    """The name leads nowhere just now."""


async def checked_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host that may be connected to, in the resolver's order.

    Connect to these, not to the name: between a check and a second look-up a name can begin to lead elsewhere.
    Raises HostRefused, HostUnknown.
    """
    name = host.rstrip(".").lower()
    if not any(_matches(name, pattern) for pattern in LIMITS.hosts):
        raise HostRefused(f"{host} is not among the hosts of WFCONSOLE_HTTP_HOSTS.")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "it is no host name"
        raise HostUnknown(f"{host} cannot be found: {words}.") from None
    addresses = list(dict.fromkeys(str(where[0]).partition("%")[0] for *_, where in found))
    allowed = [address for address in addresses if may_connect(ip_address(address), LIMITS.private_networks)]
    if not allowed:
        raise HostRefused(
            f"{host} leads to {addresses[0]}, a private address. WFCONSOLE_HTTP_PRIVATE_NETWORKS can allow it."
        )
    return allowed


def may_connect(address: Address, allowed: Iterable[str]) -> bool:
    """Whether the address is public, or in one of the networks that are allowed."""
    inner = _within(address)
    if inner.is_global and not inner.is_multicast and not inner.is_reserved:
        return True
    return any(each in network for network in map(ip_network, allowed) for each in (address, inner))


def _within(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one: what counts is where the packets go."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _matches(name: str, pattern: str) -> bool:
    """`*` is any host, `*.example.org` any below example.org; all others are the host itself."""
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)
