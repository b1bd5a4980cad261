"""The server with the scripted servicer, configured as the real one: for a process of its own."""

from __future__ import annotations

import os

from autoquality_server.config import load
from autoquality_server.process.serving import serve
from autoquality_server.telemetry.captured_output import capture_output
from tests.rpc.scripted import ScriptedServicer

if __name__ == "__main__":
    settings = load({}, os.environ).settings
    with capture_output(settings.log_level, settings.log_format):
        serve(settings, ScriptedServicer)
