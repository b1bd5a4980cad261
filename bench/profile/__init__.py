"""Where the time of one request goes, by method and encoder setting.

stages     the stages of a request, and a clock for them
libraries  the libraries that encoded and decoded
tables     stages and functions as Markdown
figures    stages as a plot

    python -m bench.profile
"""
