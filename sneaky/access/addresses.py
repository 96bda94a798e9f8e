"""Mail addresses and network addresses, in the one form we compare and count them in."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from sneaky.core.errors import RuleBroken

_IPV6_HOME = 64


def normalise(text: str) -> str:
    """Return a typed mail address as we keep it: lower case, the domain in ASCII.

    Raises `RuleBroken` on the field `email` for what cannot be delivered to. No name server is asked.
    """
    # Takes long to load, for what only those need who hand in a form with an address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        checked = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise RuleBroken(
            "This is no mail address we can write to; it looks like ann@example.org.", field="email"
        ) from None
    return (checked.ascii_email or "").lower()


def folded(email: str) -> str:
    """The mailbox behind an address, for counting: `a.n.n+gifts@…` and `ann@…` are one."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.split('+')[0].replace('.', '')}@{domain}"


def network(ip: str) -> str:
    """The household behind an IP address, for counting: IPv4 as it is, IPv6 by its /64.

    What is no address at all (a unix socket has none) counts as one household.
    """
    try:
        address = ip_address(ip.split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _IPV6_HOME), strict=False))
    return str(address)
