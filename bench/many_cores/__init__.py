"""How many cores one process of the service can use, measured on a machine with few.

Python runs in one thread of a process at a time. Codecs and metrics run beside it. On many cores
they would finish while Python is the bottleneck, and that can be reproduced on few cores: they are
replaced by waits of the same length.

stand_in  a server whose codecs and metrics wait in place of working, as a program
model     the throughput of a process by its cores, from the share of Python
tables    measures as Markdown

    python -m bench.many_cores
    python -m bench.many_cores --quick
"""
