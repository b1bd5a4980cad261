"""The searches with the most encodings, and why each took so many.

facts    one search: the expectation, the tries and the answer
causes   the purpose of each encoding
why      the reasons in words
run      every image by every method and setting
summary  searches to measures
tables   measures and searches to Markdown

    python -m bench.worst IMAGES...
    python -m bench.worst --quick
"""
