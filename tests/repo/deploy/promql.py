"""A look into queries."""

from __future__ import annotations

import promql_parser

from deploy.grafana.promql import WINDOW

RATES = "5m"


def filled_in(expr: str) -> str:
    """A query of the dashboard with Grafana's variables filled in, as Grafana does for "All"."""
    for name in ("namespace", "job", "instance"):
        expr = expr.replace(f"${name}", ".*")
    return expr.replace(WINDOW, RATES)


def selectors(expr: str) -> list[str]:
    """Every selector of series in a query: metrics with their matchers, without ranges."""
    found: list[str] = []

    def visit(part: promql_parser.Expr) -> bool:
        if isinstance(part, promql_parser.VectorSelector):
            found.append(str(part))
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return sorted(set(found))
