"""Mixed load on a real server for hours, with checks of every answer.

pictures  the sources: photographs of many sizes and formats, and invalid files
plan      random calls, reproducible by a seed
calls     one call through the client, and the check of its answer
load      callers, bursts and pauses; memory, descriptors and threads of the server
verdict   the conditions at the end, and the tables
plots     latency and memory over time

    python -m bench.soak --help
"""
