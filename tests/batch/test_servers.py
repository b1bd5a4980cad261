"""Files are spread over the servers, and those of a lost server go to others."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from autoquality import OverloadedError, _retry
from autoquality._batch.servers import Server, Servers
from autoquality._cli.main import cli
from autoquality.testing import FakeServer, Fault, answer, png_image
from autoquality.v1 import encoding_pb2 as pb
from tests.batch.conftest import MANIFEST, Run, encoded, lines
from tests.waiting import LIMIT

GONE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
UNUSED = "127.0.0.1:1"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.png").write_bytes(png_image(10 + number, 2))
    return folder


def test_files_are_spread_over_servers_given_in_either_way(
    run: Run, many: Path, server: FakeServer
) -> None:
    with FakeServer() as second, FakeServer() as third:
        servers = (server, second, third)
        for one in servers:
            one.delay = 0.02
        done = run("--server", f"{third.target},{second.target}")
        assert done.exit_code == 0, done.output
        assert encoded(*servers) == 60
        assert all(encoded(one) > 10 for one in servers)


def test_files_of_a_server_that_dies_go_to_the_others(
    run: Run, many: Path, server: FakeServer
) -> None:
    with FakeServer() as second:
        second.respond_always(GONE)
        second.respond_always(GONE, rpc="GetServerInfo")
        second.respond(pb.GetServerInfoResponse(limits=pb.Limits(workers=4)), rpc="GetServerInfo")
        done = run("--server", second.target)
        assert done.exit_code == 0, done.output
        assert encoded(second) <= 4
    assert f"{second.target} is left out until it answers: shutting down" in done.stderr
    assert {line["server"] for line in lines(Path("small") / MANIFEST)} == {server.target}


def test_a_server_that_cannot_be_reached_at_the_start_is_left_out(
    run: Run, photos: Path, server: FakeServer
) -> None:
    done = run("--server", UNUSED)
    assert done.exit_code == 0, done.output
    assert f"{UNUSED} is left out until it answers: no server listens there" in done.stderr


def test_a_server_that_stays_away_for_longer_than_an_outage_does_not_end_the_run(
    run: Run, photos: Path, server: FakeServer
) -> None:
    server.delay = 0.05
    done = run("--server", UNUSED, "--outage", "0.1", "--in-flight", "1")
    assert done.exit_code == 0, done.output
    assert "5 done" in done.stdout


def test_a_server_that_returns_gets_files_again(run: Run, many: Path, server: FakeServer) -> None:
    server.respond(*[GONE] * 3)
    info = pb.GetServerInfoResponse(limits=pb.Limits(workers=2))
    server.respond(info, GONE, rpc="GetServerInfo")
    done = run()
    assert done.exit_code == 0, done.output
    assert f"{server.target} is back" in done.stderr
    assert "60 done" in done.stdout


def test_when_all_servers_are_gone_it_ends_and_says_what_was_not_tried(
    run: Run, many: Path, server: FakeServer
) -> None:
    def dies(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        if encoded(server) <= 20:
            return answer(request)
        server.respond_always(GONE, rpc="GetServerInfo")
        return GONE

    server.respond_always(dies)
    done = run("--outage", "0.1")
    assert done.exit_code == 3
    assert "no server has answered for 0.1 seconds" in done.stderr
    finished = len(lines(Path("small") / MANIFEST))
    assert 0 < finished <= 20
    assert f"not tried {60 - finished:,} files: file://" in done.stdout

    server.respond_always(answer)
    server.respond_always(pb.GetServerInfoResponse(), rpc="GetServerInfo")
    assert run().exit_code == 0
    assert len(lines(Path("small") / MANIFEST)) == 60


def test_without_any_server_at_the_start_nothing_is_tried(run: Run, photos: Path) -> None:
    done = run(to=UNUSED)
    assert done.exit_code == 3
    assert f"cannot reach {UNUSED}: no server listens there" in done.stderr
    assert done.stdout == ""


def test_a_full_server_gets_the_file_again_after_its_hint(
    run: Run, photos: Path, server: FakeServer
) -> None:
    server.respond(*[Fault.overloaded(retry_delay=0.01)] * 7)
    done = run()
    assert done.exit_code == 0, done.output
    assert "5 done, 0 failed" in done.stdout
    assert encoded(server) == 5 + 7


def test_a_file_that_kills_servers_fails_and_the_others_do_not(
    run: Run, photos: Path, server: FakeServer
) -> None:
    poison = (photos / "b.png").read_bytes()
    tries = list[str]()

    def dies(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        if request.image != poison:
            return answer(request)
        tries.append("b.png")
        return Fault(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    server.respond_always(dies)
    done = run()
    assert done.exit_code == 1
    assert len(tries) == 4
    assert "4 done, 1 failed" in done.stdout
    assert "failures  1 CONNECTION_LOST" in done.stdout


def test_a_file_that_kills_servers_takes_no_others_with_it(
    run: Run, many: Path, server: FakeServer
) -> None:
    """All files that a server has are lost with it."""
    poison, lock = (many / "05.png").read_bytes(), threading.Lock()
    inside, attempts = set[bytes](), Counter[bytes]()

    def dies(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        crash = Fault(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        with lock:
            inside.add(request.image)
            attempts[request.image] += 1
            lost = attempts[request.image] <= 2 or len(inside) > 1
        time.sleep(0.01)
        with lock:
            lost = lost or len(inside) > 1 or poison in inside
            inside.remove(request.image)
        return crash if lost else answer(request)

    for path in sorted(many.iterdir())[10:]:
        path.unlink()
    server.respond_always(dies)
    done = run()
    assert "9 done, 1 failed" in done.stdout, done.output
    assert attempts[poison] == 4
    assert set(attempts.values()) == {3, 4}


def test_a_file_that_lost_two_servers_gets_one_alone(
    run: Run, many: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.01)
    poison, lock = (many / "05.png").read_bytes(), threading.Lock()
    inside, company = set[bytes](), list[int]()

    def dies(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        with lock:
            inside.add(request.image)
        time.sleep(0.05)
        with lock:
            lost = poison in inside
            if request.image == poison:
                company.append(len(inside) - 1)
            inside.remove(request.image)
        return Fault(grpc.StatusCode.UNAVAILABLE, "Socket closed") if lost else answer(request)

    server.respond_always(dies)
    done = run()
    assert "59 done, 1 failed" in done.stdout, done.output
    assert company[2:] == [0, 0]


def test_a_server_that_hangs_is_left_out_and_its_files_go_to_others(
    run: Run, photos: Path, server: FakeServer
) -> None:
    with FakeServer() as second:
        second.serving = False
        hang = threading.Event()

        def hangs(_request: pb.EncodeRequest) -> Fault:
            hang.wait(30)
            return GONE

        second.respond_always(hangs)
        second.respond(pb.GetServerInfoResponse(), rpc="GetServerInfo")
        second.respond_always(GONE, rpc="GetServerInfo")
        done = run("--server", second.target, "--timeout", "0.5")
        hang.set()
    assert done.exit_code == 0, done.output
    assert encoded(second) >= 1
    assert "5 done, 0 failed" in done.stdout


def test_a_file_that_takes_too_long_fails_while_the_server_is_well(
    run: Run, photos: Path, server: FakeServer
) -> None:
    slow = (photos / "b.png").read_bytes()
    hang = threading.Event()

    def hangs(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        if request.image == slow:
            hang.wait(30)
        return answer(request)

    server.respond_always(hangs)
    done = run("--timeout", "0.5")
    hang.set()
    assert done.exit_code == 1
    assert "4 done, 1 failed" in done.stdout
    assert "failures  1 DEADLINE_EXCEEDED" in done.stdout


def test_a_wrong_token_is_reported_once(run: Run, photos: Path, server: FakeServer) -> None:
    refusal = Fault(grpc.StatusCode.UNAUTHENTICATED, "the token is not valid")
    server.respond_always(refusal, rpc="GetServerInfo")
    done = run()
    assert (done.exit_code, done.stdout) == (1, "")
    hint = "give it with AUTOQUALITY_TOKEN or --token"
    assert done.stderr == f"autoquality: the token is not valid; {hint}\n"


def test_other_commands_take_one_server(server: FakeServer) -> None:
    done = CliRunner().invoke(cli, ["--server", f"{server.target},other", "info"])
    assert done.exit_code == 2
    assert f"this command takes one server, not {server.target}, other:50051" in done.stderr


def test_a_server_starts_with_as_many_files_as_it_works_on_and_queues(server: FakeServer) -> None:
    server.respond(
        pb.GetServerInfoResponse(limits=pb.Limits(workers=2, queue_size=3)), rpc="GetServerInfo"
    )

    async def limit() -> float:
        async with server.async_client() as client:
            one = Server(server.target, client)
            await one.ask()
            return one.limit

    assert asyncio.run(limit()) == 5


def test_a_refusal_lowers_the_number_of_files_and_answers_at_the_limit_raise_it(
    server: FakeServer,
) -> None:
    async def limits() -> list[float]:
        found = []
        async with server.async_client(retries=0) as client:
            one = Server(server.target, client)
            one.limit, one.running = 4.0, 3
            for answer in (pb.EncodeResponse(), Fault.overloaded(0.01), pb.EncodeResponse()):
                server.respond(answer)
                with contextlib.suppress(OverloadedError):
                    await one.encode(b"photo", {})
                found.append(one.limit)
        return found

    assert asyncio.run(limits()) == [4, 3, pytest.approx(3 + 1 / 3)]


def test_a_reserved_server_gets_no_file_until_the_end_of_the_one_that_is_left(
    server: FakeServer,
) -> None:
    async def reserved() -> None:
        async with server.async_client() as client:
            one = Server(server.target, client)
            one.limit, one.running = 5.0, 3
            waiting = asyncio.create_task(one.reserve())
            await asyncio.sleep(0)
            assert not one.is_free
            one.end()
            one.end()
            await asyncio.wait_for(waiting, LIMIT)
            assert (one.running, one.is_free) == (1, False)
            one.end()
            assert one.is_free

    asyncio.run(reserved())


def test_servers_do_not_run_ahead_of_the_storage(server: FakeServer) -> None:
    async def encode() -> int:
        one = Server(server.target, server.async_client())
        servers = Servers([one], outage=1, results=2, report=print)
        await servers.start()
        storage = asyncio.get_running_loop().create_future()

        async def process(number: int) -> None:
            async with servers.encoded(png_image(10 + number, 2), {"format": "webp"}):
                await storage

        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
            for number in range(60):
                tasks.create_task(process(number))
            await asyncio.sleep(0)
            while one.running:  # noqa: ASYNC110 (a server sends no event)
                await asyncio.sleep(0.01)
            ahead = encoded(server)
            storage.set_result(None)
        await servers.close()
        return ahead

    ahead = asyncio.run(encode())
    assert ahead <= 2 + 11, "the results that may wait, and the places at the server"
    assert encoded(server) == 60
