"""The name that gRPC gets for a target."""

from __future__ import annotations

import pytest

from autoquality._address import grpc_name, host_and_port, targets_in, with_port


@pytest.mark.parametrize(
    ("target", "name", "place"),
    [
        ("host", "dns:///host:50051", ("host", 50051)),
        ("host:1", "dns:///host:1", ("host", 1)),
        ("::1", "dns:///[::1]:50051", ("::1", 50051)),
        ("[::1]", "dns:///[::1]:50051", ("::1", 50051)),
        ("[::1]:7", "dns:///[::1]:7", ("::1", 7)),
        ("unix:/run/it", "unix:/run/it", None),
        ("dns:///host:1", "dns:///host:1", None),
        ("ipv4:10.0.0.1:1,10.0.0.2:1", "ipv4:10.0.0.1:1,10.0.0.2:1", None),
    ],
)
def test_a_target_without_a_port_gets_the_default_port(
    target: str, name: str, place: tuple[str, int] | None
) -> None:
    assert grpc_name(target) == name
    assert host_and_port(target) == place
    assert with_port(target) == name.removeprefix("dns:///" if place else "")


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("one", ("one:50051",)),
        ("one:1,two:2", ("one:1", "two:2")),
        ("one:1 two:2,one:1,", ("one:1", "two:2")),
        ("ipv4:10.0.0.1:1,10.0.0.2:1 two", ("ipv4:10.0.0.1:1,10.0.0.2:1", "two:50051")),
    ],
)
def test_several_targets_are_separated_by_spaces_or_commas(
    text: str, targets: tuple[str, ...]
) -> None:
    assert targets_in(text) == targets


@pytest.mark.parametrize("text", ["", ",", "one,http://two", "one two:x"])
def test_a_list_with_an_invalid_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the server must be HOST:PORT"):
        targets_in(text)
