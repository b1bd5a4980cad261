"""One server process from its start to its exit status."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from autoquality_server.config import Settings
from autoquality_server.process.app import App, ServiceFactory, build_default_service
from autoquality_server.process.exits import CLEAN, FAILED, HUNG
from autoquality_server.process.fatal import Limit, end_with_any_thread
from autoquality_server.process.supervisor.worker_link import Membership

_MARGIN = 10.0
"""Seconds beyond the drain timeout after which a process ends in any case."""

_LISTEN_AGAIN = 0.5
"""Seconds of one wait for a signal. Python's handlers run in the main thread, which does not wake
for a signal that another thread took, or that came while it was about to fall asleep."""


def serve(
    settings: Settings,
    service_factory: ServiceFactory = build_default_service,
    membership: Membership | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, drain, and give the exit status; for the main thread.

    CLEAN: everything accepted was finished. FAILED: the drain timeout cut
    requests off. HUNG: a request hung, and was not waited for. A second signal
    ends the process at once, and so does the end of a thread it depends on. Raises StartError.
    """
    signalled = threading.Event()
    told = threading.Event()
    limit = Limit()
    end_with_any_thread()

    def on_signal(number: int, _: FrameType | None) -> None:
        if signalled.is_set():
            os._exit(128 + number)
        # First: the events have locks, which the thread that this interrupts may hold.
        limit.end_within(settings.drain_timeout + _MARGIN, FAILED)
        signalled.set()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    app = App(settings, service_factory, shares_port=membership is not None, on_hang=told.set)
    app.start()
    if membership:
        membership.ready(app.registry, told.set)
    while not told.wait(_LISTEN_AGAIN):
        pass
    hangs = app.hangs
    limit.end_within(settings.drain_timeout + _MARGIN, HUNG if hangs else FAILED)
    if hangs:
        app.give_up()
        status = HUNG
    else:
        status = CLEAN if app.drain() else FAILED
    if membership:
        membership.leave()
    if membership or status == HUNG or app.admission.running:
        # A request that is not waited for may be inside an encoder, which cannot be
        # interrupted, and the interpreter would wait for its thread. And the supervisor
        # has no use for how well many libraries take themselves apart.
        os._exit(status)
    return status
