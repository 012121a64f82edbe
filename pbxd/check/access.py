"""Asterisk's deny and permit rules: who may connect, and who not."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

STRANGERS: tuple[Address, ...] = (ip_address("203.0.113.7"), ip_address("2001:db8::7"))
"""Addresses that are reserved for documentation: whoever lets these in lets anybody in."""


def admits(rules: Iterable[tuple[str, str]], address: Address) -> bool:
    """Whether ``permit``/``deny`` rules, in their order, let ``address`` in: the last that matches decides.

    ValueError for a rule that is no network.
    """
    admitted = True
    for word, networks in rules:
        for text in networks.split(","):
            negated = text.strip().startswith("!")
            network = ip_network(text.strip().lstrip("!"), strict=False)
            if address.version == network.version and address in network:
                admitted = (word.lower() == "permit") != negated
    return admitted
