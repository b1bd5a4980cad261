"""A judgement as one self-contained HTML file, a Markdown summary and a JSON of all numbers.

numbers   what all three tell
tables    numbers as rows of text
figures   cases as plots
page      the HTML file
summary   the Markdown file
writing   all three, into one folder
"""

from autoquality_train.report.numbers import About
from autoquality_train.report.writing import write_report

__all__ = ["About", "write_report"]
