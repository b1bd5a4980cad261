"""Where the time of one request goes, by method and encoder setting.

slices     what the parts of a request are called
stages     a clock around every stage of a request, native code included
libraries  which of them encoded and decoded
calls      Python's own profiler, for what the stages do not tell apart
tables     all of it as Markdown
figures    the slices as a picture

    python -m bench.profile
"""
