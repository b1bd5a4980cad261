"""Threads that run calls, some of them dedicated to services that must answer at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

MOST_WAITING = 1000
"""Calls that may wait for a thread. Each takes 12 KiB, also after its caller has left."""


class CallExecutor(ThreadPoolExecutor):
    """Threads for calls. gRPC lets any number of calls wait for one: see `is_full`."""

    @property
    def is_full(self) -> bool:
        """Whether so many calls wait that further ones are to be refused."""
        return self._work_queue.qsize() >= MOST_WAITING


class InlineExecutor(ThreadPoolExecutor):
    """Runs calls that never wait, at once and in the thread that receives them."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*args, **kwargs))
        return done


class DedicatedExecutor:
    """A few threads, and the open calls of the services that they serve."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = CallExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._open: set[grpc.ServicerContext] = set()

    def run_methods(self, servicer: object, names: Iterable[str]) -> None:
        """Make gRPC run these methods of `servicer` here; call it before registering it."""
        for name in names:
            setattr(servicer, name, self._on_this_pool(getattr(servicer, name)))

    def submit(self, work: Callable[[], None]) -> None:
        self._pool.submit(work)

    def cancel_calls(self) -> None:
        """Cancel the open calls; a client may keep a stream open without end."""
        with self._lock:
            calls = tuple(self._open)
        for call in calls:
            call.cancel()

    def _on_this_pool(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def behavior(request: Any, call: grpc.ServicerContext, *rest: Any) -> Any:
            with self._lock:
                self._open.add(call)
            if not call.add_callback(lambda: self._forget(call)):
                self._forget(call)
            return inner(request, call, *rest)

        # gRPC looks for these on the behaviour (`_select_thread_pool_for_behavior`).
        behavior.experimental_thread_pool = self._pool  # type: ignore[attr-defined]
        behavior.experimental_non_blocking = getattr(  # type: ignore[attr-defined]
            inner, "experimental_non_blocking", False
        )
        return behavior

    def _forget(self, call: grpc.ServicerContext) -> None:
        with self._lock:
            self._open.discard(call)
