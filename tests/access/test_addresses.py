"""Addresses in the one form we compare and count them in."""

from __future__ import annotations

import pytest

from sneaky.access import addresses
from sneaky.core.errors import RuleBroken


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        ("  ann@example.org\n", "ann@example.org"),
        ("ann+gifts@example.org", "ann+gifts@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("ann@bücher.example.org", "ann@xn--bcher-kva.example.org"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert addresses.normalise(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@example",
        "ann@localhost",
        "ann@@example.org",
        "ann@example.org, bob@example.org",
        "Ann <ann@example.org>",
        "ann@example.org\r\nBcc: bob@example.org",
        "ann@example.org\0",
        "änn@example.org",
        "a" * 65 + "@example.org",
        "ann@" + "a" * 250 + ".org",
        "ann@[127.0.0.1]",
        '"ann b"@example.org',
        "<script>@example.org",
    ],
)
def test_what_no_letter_can_reach_is_refused_beside_its_field(typed: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        addresses.normalise(typed)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    "alias", ["ann@example.org", "a.n.n@example.org", "ann+x@example.org", "A.nn+a.b+c@Example.org"]
)
def test_aliases_of_a_mailbox_count_as_one(alias: str) -> None:
    assert addresses.folded(alias) == "ann@example.org"


def test_other_people_and_other_hosts_count_apart() -> None:
    others = ["ann@example.org", "anne@example.org", "ann@example.com", "ann@ex.ample.org"]
    assert len({addresses.folded(other) for other in others}) == len(others)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_a_household_is_one_network(ip: str, network: str) -> None:
    assert addresses.network(ip) == network
