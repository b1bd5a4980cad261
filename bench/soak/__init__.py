"""Hours of mixed load on a real server, every answer checked: `python -m bench.soak --help`.

pictures  what is sent: photographs of many sizes and kinds, and files that are none
plan      what is asked for, drawn at random from a seed
calls     one call through the real client, and what became of it
checks    whether the answer is right
load      the callers, the bursts, the pauses
watch     the server's memory, descriptors and threads over time
verdict   what must hold in the end, and the tables
plots     latency and memory over time
"""
