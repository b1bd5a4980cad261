"""The cost of the service besides encoding: time, throughput, memory.

speed       one request at a time, and all cores busy, against a bare codec; the metric alone
memory      bytes per pixel of a request, and growth over many requests
bare_codec  the memory of libvips alone, as a program
pages       measures as Markdown and as a plot

    python -m bench.service
    python -m bench.service --quick
"""
