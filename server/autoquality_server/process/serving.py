"""One server process from its start to its exit status."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

from autoquality_server.config import Settings
from autoquality_server.process import CLEAN, FAILED, HUNG, stop_signals
from autoquality_server.process.app import App, ServiceFactory, build_default_service
from autoquality_server.process.fatal import end_with_any_thread
from autoquality_server.process.supervisor.link import SupervisorLink

_MARGIN = 10.0
"""Seconds beyond the drain timeout after which the process exits in any case."""

_WAKE_UP = 0.5
"""Seconds of one wait for a signal. Python runs signal handlers in the main thread, which may sleep
through a signal that another thread received."""


def serve(
    settings: Settings,
    service_factory: ServiceFactory = build_default_service,
    link: SupervisorLink | None = None,
) -> NoReturn:
    """Serve until SIGTERM, SIGINT or SIGHUP, drain, and end the process; for the main thread.

    Its exit status is CLEAN if all accepted requests were finished, FAILED if the drain timeout
    cut requests off, and HUNG if a request hung and was abandoned. The process exits at once on a
    second SIGTERM or SIGINT, or when one of its threads ends with an exception. Raises StartError.
    """
    signalled = threading.Event()
    stop = threading.Event()
    timer = end_with_any_thread()

    def on_signal(number: int, _: FrameType | None) -> None:
        if signalled.is_set():
            if number == signal.SIGHUP:  # a shell and its terminal may both send it
                return
            os._exit(128 + number)
        # First the timer: the interrupted code may hold the locks of the events.
        timer.start(settings.drain_timeout + _MARGIN, FAILED)
        signalled.set()
        stop.set()

    for number in stop_signals():
        signal.signal(number, on_signal)
    app = App(settings, service_factory, shares_port=link is not None, on_hang=stop.set)
    app.start()
    if link:
        link.ready(app.registry, stop.set)
    while not stop.wait(_WAKE_UP):
        pass
    hangs = app.hangs
    timer.start(settings.drain_timeout + _MARGIN, HUNG if hangs else FAILED)
    if hangs:
        app.give_up()
        status = HUNG
    else:
        status = CLEAN if app.drain() else FAILED
    if link:
        link.send_metrics()
    # The interpreter would wait for the thread of a request that is stuck in an encoder, and then
    # spend time on the teardown of all libraries.
    os._exit(status)
