"""The cost of the service besides encoding: its memory, and the metric.

memory      bytes per pixel of a request, and growth over many requests
metric      the time of the DSSIM of one probe
bare_codec  the memory of libvips alone, as a program
pages       measures as Markdown and as a plot

    python -m bench.service
    python -m bench.service --quick
"""
