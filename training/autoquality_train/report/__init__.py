"""A judgement as one self-contained HTML file, a Markdown summary and a JSON of all numbers."""

from autoquality_train.report.writing import About, write_report

__all__ = ["About", "write_report"]
