"""The supervisor's parts: the reserved port, the backoff, the causes of ends."""

from __future__ import annotations

import signal
import socket

import pytest

from autoquality_server.config.address import Reservation, StartError, check_free
from autoquality_server.process import HUNG
from autoquality_server.process.supervisor.restarts import (
    CAUSES,
    LONG_ENOUGH,
    LONGEST_DELAY,
    Backoff,
    cause_of,
    in_words,
)
from tests.waiting import LIMIT


def listening(port: int) -> socket.socket:
    """The parts of a single process."""
    process = socket.socket()
    process.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    process.bind(("127.0.0.1", port))
    process.listen()
    return process


def reserve(port: int = 0) -> Reservation:
    return Reservation("AUTOQUALITY_LISTEN", f"127.0.0.1:{port}")


def is_taken(port: int) -> bool:
    """Whether servers of one process and of several are refused the port."""
    for take in (lambda: check_free("X", f"127.0.0.1:{port}"), lambda: reserve(port).close()):
        try:
            take()
        except StartError:
            continue
        return False
    return True


def test_a_reserved_port_is_for_its_processes_alone_however_many_there_are() -> None:
    reservation = reserve()
    assert is_taken(reservation.port)
    with listening(reservation.port), listening(reservation.port):
        assert is_taken(reservation.port)
    assert is_taken(reservation.port)
    reservation.close()
    assert not is_taken(reservation.port)


def test_the_connections_of_a_server_before_do_not_keep_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
            ours, _ = before.accept()
            ours.close()  # the side that closes first keeps the connection in TIME_WAIT
            assert client.recv(1) == b""
    with socket.socket() as without, pytest.raises(OSError, match="in use"):
        without.bind(("127.0.0.1", port))
    reserve(port).close()


def test_the_reserved_port_gets_no_connection() -> None:
    reservation = reserve()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", reservation.port), LIMIT)
    with listening(reservation.port) as process:
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", reservation.port), LIMIT):
                process.accept()[0].close()
    reservation.close()


def test_ipv6_is_reserved_as_well() -> None:
    reservation = Reservation("X", "[::1]:0")
    assert reservation.address == f"[::1]:{reservation.port}"
    with pytest.raises(StartError, match="already in use"):
        check_free("X", reservation.address)
    reservation.close()


def test_the_first_end_is_made_good_at_once_and_each_one_after_it_later() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(LONG_ENOUGH - 0.1) == LONGEST_DELAY
    assert [backoff.after(LONG_ENOUGH), backoff.after(0)] == [0, 0.5]
    for _ in range(5000):
        backoff.after(0)
    assert backoff.after(0) == LONGEST_DELAY


@pytest.mark.parametrize(
    ("status", "cause", "words"),
    [
        (-signal.SIGSEGV, "SIGSEGV", "SIGSEGV"),
        (-signal.SIGUSR1, "signal", "SIGUSR1"),
        (-50, "signal", "signal 50"),
        (HUNG, "hung", "exit status 3"),
        (0, "exit", "exit status 0"),
    ],
)
def test_causes(status: int, cause: str, words: str) -> None:
    """Why a process ended is one of few words for the metrics, and exact in the log."""
    assert cause_of(status, served=True, unresponsive=False) == cause
    assert cause in CAUSES
    assert in_words(status) == words
    assert cause_of(status, served=True, unresponsive=True) == "hung"


def test_one_that_ends_before_it_serves_could_not_start() -> None:
    assert cause_of(1, served=False, unresponsive=False) == "start"
    assert cause_of(-signal.SIGSEGV, served=False, unresponsive=False) == "SIGSEGV"
