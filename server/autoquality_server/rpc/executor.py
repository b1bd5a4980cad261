"""Threads of their own for services that must answer while every worker is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor


class SidePool:
    """A few threads, and the calls that run on them."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._open: set[grpc.ServicerContext] = set()

    def place(self, servicer: object, service: ServiceDescriptor) -> None:
        """Make gRPC run this servicer's methods here; call it before registering it."""
        for method in service.methods:
            inner = getattr(servicer, method.name)
            setattr(servicer, method.name, self._on_this_pool(inner))

    def cancel(self) -> None:
        """Cancel the calls that are still open: a stream may last as long as its client."""
        with self._lock:
            contexts = tuple(self._open)
        for context in contexts:
            context.cancel()

    def _on_this_pool(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def behavior(request: Any, context: grpc.ServicerContext, *rest: Any) -> Any:
            with self._lock:
                self._open.add(context)
            if not context.add_callback(lambda: self._forget(context)):
                self._forget(context)
            return inner(request, context, *rest)

        # gRPC looks for these on the behaviour (`_select_thread_pool_for_behavior`).
        behavior.experimental_thread_pool = self._pool  # type: ignore[attr-defined]
        behavior.experimental_non_blocking = getattr(  # type: ignore[attr-defined]
            inner, "experimental_non_blocking", False
        )
        return behavior

    def _forget(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._open.discard(context)
