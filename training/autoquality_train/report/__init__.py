"""A judgement as one self-contained HTML file, a Markdown summary and a JSON of all numbers.

writing  the numbers, and the three files
tables   numbers as tables of text
figures  cases as plots
page     the HTML file
"""

from autoquality_train.report.writing import About, write_report

__all__ = ["About", "write_report"]
