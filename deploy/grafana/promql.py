"""PromQL queries for rates, means and percentiles.

Grafana fills in JOB, the label matchers of the chosen servers, and WINDOW, the time
range of a rate. `by` names the labels to group by, `where` the matchers of the metric.
"""

from __future__ import annotations

from dataclasses import dataclass

JOB = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"'
WINDOW = "$__rate_interval"

SERVICE = f'{JOB},grpc_service="autoquality.v1.EncodingService"'


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and the legend of its series in Grafana's notation ({{label}})."""

    expr: str
    legend: str


def rate(metric: str, by: str = "", where: str = JOB) -> str:
    """The increase of a counter a second."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{{{where}}}[{WINDOW}]))"


def mean(histogram: str, by: str = "", where: str = JOB) -> str:
    """The mean of a histogram; empty without observations."""
    total = rate(f"{histogram}_sum", by, where)
    return f"{total} / ({rate(f'{histogram}_count', by, where)} > 0)"


def quantile(share: float, histogram: str, by: str = "", where: str = JOB) -> str:
    """The quantile `share` (0 to 1) of a histogram, estimated from its buckets."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, where)})"


def percentiles(histogram: str, by: str = "", where: str = JOB) -> tuple[Query, ...]:
    """The median and the 95th percentile."""
    prefix = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Query(quantile(share, histogram, by, where), f"{prefix}p{round(100 * share)}")
        for share in (0.5, 0.95)
    )
