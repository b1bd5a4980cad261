"""What the service takes beside encoding: time, throughput, memory.

overhead    one request at a time against the core and the bare codec
throughput  all cores busy against the bare codec in threads
memory      bytes a pixel of a running request; whether it stays flat
bare_codec  the same of libvips alone, as a program of its own
kernel      the metric alone
tables      measures to Markdown
figures     memory over requests as a plot

    python -m bench.service
    python -m bench.service --quick
"""
