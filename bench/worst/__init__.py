"""The searches that take the most encodings, and why each took so many.

facts       one search as it went: what was expected, what was tried, what came of it
watch       facts of the core's own search, taken while it runs
causes      what each encoding was made for
why         the same in words, from the facts alone
run         every image by every method and setting
summary     facts to measures
tables      measures and facts to Markdown

    python -m bench.worst IMAGES...
    python -m bench.worst --quick
"""
