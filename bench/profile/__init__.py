"""Where the time of one request goes, by format, for `dssim` and `ml`.

stages   a clock around every stage of a request, native code included
calls    Python's own profiler, for what the stages do not tell apart
tables   both as Markdown

    python -m bench.profile
"""
