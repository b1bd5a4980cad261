"""The client for asyncio behaves like the other client, and works with tasks and cancellation."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
import pytest

from autoquality import (
    AsyncClient,
    AutoQualityError,
    CancelledError,
    Client,
    DeadlineExceededError,
    Encoded,
    InvalidRequestError,
    OverloadedError,
    Progress,
    RawImage,
    Stage,
    UnavailableError,
    _retry,
)
from autoquality.testing import FakeServer, Fault
from tests.client.test_retry import BreaksOff, serving_at
from tests.photos import photo, photo_path
from tests.stream.serving import Serving
from tests.waiting import LIMIT, until

pytestmark = pytest.mark.anyio

UNAVAILABLE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
DIRECT = [("grpc.enable_http_proxy", 0)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def loop() -> asyncio.AbstractEventLoop:
    """One event loop for all tests.

    gRPC delivers the end of a cancelled call after the call has returned. All loops of a process
    share its queue: if the loop of the call is closed by then, `RuntimeError: Event loop is closed`
    is raised in whichever loop comes next, here in the next test.
    """
    return asyncio.get_running_loop()


def client_of(server: Serving, **options: Any) -> AsyncClient:
    return AsyncClient(f"127.0.0.1:{server.app.port}", channel_options=DIRECT, **options)


async def happens(holds: Callable[[], object], reason: str) -> None:
    """Wait like `until`, and keep the event loop running."""
    await asyncio.to_thread(until, holds, reason=reason)


async def test_it_has_the_methods_and_the_arguments_of_the_client() -> None:
    def parameters(kind: type) -> dict[str, list[inspect.Parameter]]:
        return {
            name: list(inspect.signature(method).parameters.values())
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert parameters(AsyncClient) == parameters(Client)
    assert inspect.signature(AsyncClient) == inspect.signature(Client)


async def test_its_answers_are_those_of_the_client(real: Serving) -> None:
    spec: dict[str, Any] = {"format": "webp", "method": "size", "target": 9000}
    with Client(f"127.0.0.1:{real.app.port}") as client:
        encoded = client.encode(photo("rocket.jpg"), **spec)
        compared = client.compare(photo("rocket.jpg"), encoded.image)
        info = client.info()
    async with client_of(real) as client:
        await client.wait_ready()
        assert await client.health()
        same = await client.encode(photo_path("rocket.jpg"), request_id="mine", **spec)
        assert (same.image, same.request_id) == (encoded.image, "mine")
        again = await client.compare(photo_path("rocket.jpg"), same.image)
        assert (again.dssim, again.ssimulacra2) == (compared.dssim, compared.ssimulacra2)
        assert (await client.info()).message == info.message


async def test_a_stream_yields_the_progress_and_then_the_same_result(
    real: Serving, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(photo("rocket.jpg"),), daemon=True).start()
    spec: dict[str, Any] = {"format": "jpeg", "method": "dssim", "target": 0.01}
    async with client_of(real) as client:
        events = [one async for one in client.encode_stream(photo_path("rocket.jpg"), **spec)]
        called: list[Progress] = []
        by_function = await client.encode(pipe, progress=called.append, **spec)
        awaited: list[Progress] = []

        async def seen(progress: Progress) -> None:
            await asyncio.sleep(0)
            awaited.append(progress)

        by_coroutine = await client.encode(photo("rocket.jpg"), progress=seen, **spec)
        whole = await client.encode(photo("rocket.jpg"), **spec)
    *steps, last = events
    assert isinstance(last, Encoded)
    assert last.image == by_function.image == by_coroutine.image == whole.image
    for progress in (steps, called, awaited):
        assert progress[0] == Progress(Stage.ACCEPTED, None)
        assert [one.probe.quality for one in progress if one.probe] == [  # type: ignore[union-attr]
            one.quality for one in whole.probes
        ]


async def test_a_stream_that_the_server_refuses_at_once_says_why(real: Serving) -> None:
    """The refusal arrives while the client still sends."""
    big = RawImage(8000, 2000, 4, bytes(8000 * 2000 * 4))
    async with client_of(real) as client:
        for _ in range(10):
            with pytest.raises(InvalidRequestError) as raised:
                await client.encode(big, background="red")
            assert raised.value.field_violations[0].field == "background"


async def test_a_file_that_cannot_be_read_raises_oserror(
    server: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"photo")
    async with server.async_client() as client:
        for call in (client.encode, client.compare):
            arguments = [tmp_path / "missing"] * (1 + (call == client.compare))
            with pytest.raises(FileNotFoundError):
                await call(*arguments)
        missing = client.encode_stream(tmp_path / "missing")
        with pytest.raises(FileNotFoundError):
            await anext(missing)
        server.delay = 0.5
        events = client.encode_stream(path)
        path.chmod(0o200)
        if os.geteuid():
            with pytest.raises(PermissionError):
                await anext(events)


async def test_invalid_arguments_are_refused_before_anything_is_sent(server: FakeServer) -> None:
    async with server.async_client() as client:
        with pytest.raises(ValueError, match="format must be one of"):
            client.encode_stream(b"photo", format="gif")
        with pytest.raises(ValueError, match="printable ASCII"):
            await client.encode(b"photo", request_id="\n")
        with pytest.raises(ValueError, match="timeout must be 0 seconds or more"):
            await client.wait_ready(-1)
    with pytest.raises(ValueError, match="retries must be from 0 to 8"):
        server.async_client(retries=9)
    assert server.requests == ()


async def test_a_call_waits_for_a_server_that_is_full(real: Serving) -> None:
    async with client_of(real) as client, client_of(real, retries=0) as impatient:
        with real.busy():
            with pytest.raises(OverloadedError) as raised:
                await impatient.encode(photo("rocket.jpg"))
            assert raised.value.retry_after > 0
            refused = real.rejected("QUEUE_FULL")
            call = asyncio.create_task(client.encode(photo("rocket.jpg"), quality=50))
            await happens(lambda: real.rejected("QUEUE_FULL") > refused, "a refused attempt")
        assert (await call).quality == 50


@pytest.mark.parametrize(
    ("fault", "retries", "attempts"),
    [
        (UNAVAILABLE, 0, 1),
        (UNAVAILABLE, 1, 2),
        (UNAVAILABLE, 8, 4),
        (Fault(grpc.StatusCode.CANCELLED), 2, 3),
        (Fault.overloaded(0.01), 2, 3),
        (Fault.overloaded(3600), 2, 1),
        (Fault(grpc.StatusCode.INTERNAL), 2, 1),
    ],
)
@pytest.mark.parametrize("stream_above", [None, 0])
async def test_it_retries_what_the_client_retries(
    server: FakeServer,
    fault: Fault,
    retries: int,
    attempts: int,
    stream_above: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.01)
    for rpc in ("Encode", "EncodeStream"):
        server.respond_always(fault, rpc=rpc)
    async with server.async_client(retries=retries) as client:
        with pytest.raises(AutoQualityError) as raised:
            await client.encode(b"photo" * 300_000, stream_above=stream_above)
    assert raised.value.code is fault.code
    assert isinstance(raised.value.__cause__, grpc.aio.AioRpcError)
    assert [len(call.message.image) for call in server.requests] == [1_500_000] * attempts
    assert {call.metadata["x-request-id"] for call in server.requests} == {raised.value.request_id}


async def test_an_answer_that_breaks_off_is_retried_and_one_read_too_slowly_is_not() -> None:
    class Slow(BreaksOff):
        def Encode(self, request: Any, context: Any) -> Any:  # noqa: N802
            self.calls += 1
            context.send_initial_metadata((("x-request-id", "one"),))
            context.abort(grpc.StatusCode.CANCELLED, "too slow")

    broken, slow = BreaksOff(), Slow()  # type: ignore[abstract]
    with serving_at(broken) as address:
        async with AsyncClient(address, channel_options=DIRECT) as client:
            assert (await client.encode(b"photo")).quality == 80
    with serving_at(slow) as address:
        async with AsyncClient(address, channel_options=DIRECT) as client:
            with pytest.raises(CancelledError, match="the client read too slowly"):
                await client.encode(b"photo")
    assert (broken.calls, slow.calls) == (2, 1)


async def test_a_server_that_stays_away_is_reported_as_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_retry, "_MAX_OUTAGE", 0.3)
    async with AsyncClient(f"unix:{tmp_path}/none", timeout=None) as client:
        with pytest.raises(UnavailableError):
            await client.encode(b"photo")
        assert not await client.health()
        with pytest.raises(DeadlineExceededError):
            await client.wait_ready(0.3)


async def test_cancelling_the_task_cancels_the_call(server: FakeServer) -> None:
    server.delay = 3600
    async with server.async_client(timeout=None) as client:
        for stream_above in (None, 0):
            started = len(server.requests)
            task = asyncio.create_task(client.encode(b"photo", stream_above=stream_above))
            await happens(lambda: len(server.requests) > started, "a call")  # noqa: B023
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.requests[-1].ended.wait, LIMIT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.encode(b"photo")
        assert await asyncio.to_thread(server.requests[-1].ended.wait, LIMIT)


async def test_cancelling_a_task_ends_the_work_of_a_real_server(real: Serving) -> None:
    async with client_of(real) as client:
        task = asyncio.create_task(
            client.encode(photo("coffee.png"), format="avif", method="ssimulacra2", target=70)
        )
        await happens(lambda: real.gauge("requests_in_flight"), "a running request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await happens(real.is_idle, "the end of the request")


async def test_closing_the_generator_cancels_the_call(server: FakeServer) -> None:
    server.delay = 3600
    async with server.async_client() as client:
        async with aclosing(client.encode_stream(b"photo")) as events:
            assert isinstance(await anext(events), Progress)
            await happens(lambda: server.requests, "a call")
        assert await asyncio.to_thread(server.requests[0].ended.wait, LIMIT)


async def test_the_timeout_ends_the_call_in_the_client_and_in_the_server(
    server: FakeServer,
) -> None:
    server.delay = 3600
    async with server.async_client(timeout=0.5) as client:
        for stream_above in (None, 0):
            with pytest.raises(DeadlineExceededError):
                await client.encode(b"photo", stream_above=stream_above)
            assert await asyncio.to_thread(server.requests[-1].ended.wait, LIMIT)
        with pytest.raises(DeadlineExceededError):
            await client.encode(b"photo", timeout=0)


async def test_closing_the_client_ends_its_calls_and_its_waits(server: FakeServer) -> None:
    server.delay = 3600
    server.respond(lambda _: Fault.overloaded(3600), rpc="GetServerInfo")
    client = server.async_client(timeout=None)
    calls = [
        asyncio.create_task(client.encode(b"photo")),
        asyncio.create_task(client.encode(b"photo", stream_above=0)),
    ]
    await happens(lambda: len(server.requests) == 2, "two calls")
    server.delay = 0
    calls.append(asyncio.create_task(client.info()))
    await happens(lambda: len(server.requests) == 3, "a refused call")
    await asyncio.sleep(0.2)
    await client.close()
    for call in calls:
        with pytest.raises(CancelledError):
            await call
    for received in server.requests:
        assert await asyncio.to_thread(received.ended.wait, LIMIT)
    await client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        await client.info()


async def test_closing_the_client_ends_the_wait_for_a_connection(tmp_path: Path) -> None:
    client = AsyncClient(f"unix:{tmp_path}/none", timeout=None)
    call = asyncio.create_task(client.encode(b"photo"))
    await asyncio.sleep(0.7)
    await client.close()
    with pytest.raises((CancelledError, RuntimeError)):
        await call


async def test_tasks_share_a_client(server: FakeServer) -> None:
    photos = [str(number).encode() for number in range(60)]
    async with server.async_client() as client:
        results = await asyncio.gather(*(client.encode(one, quality=50) for one in photos))
        expected = [await client.encode(one, quality=50) for one in photos]
    assert [one.image for one in results] == [one.image for one in expected]


async def test_it_may_be_made_outside_of_its_event_loop_but_has_only_one(
    server: FakeServer,
) -> None:
    def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(client.info())

    async def close(client: AsyncClient) -> None:
        await client.info()
        await client.close()

    client = await asyncio.to_thread(server.async_client)
    await client.info()
    await asyncio.to_thread(elsewhere)
    await client.close()
    unused = server.async_client()
    await unused.close()
    await asyncio.to_thread(asyncio.run, close(server.async_client()))


async def test_options_of_the_connection_are_those_of_the_client(server: FakeServer) -> None:
    async with server.async_client(token="secret", metadata=[("team", "web")]) as client:
        await client.encode(b"photo", metadata=[("job", "7")])
    metadata = server.requests[0].metadata
    assert metadata["authorization"] == "Bearer secret"
    assert (metadata["team"], metadata["job"]) == ("web", "7")
    with pytest.raises(ValueError, match="unencrypted"):
        AsyncClient("example.com:50051", token="secret")
