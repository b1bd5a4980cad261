"""The dashboard's rows of panels, and their queries."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.grafana.promql import JOB, SERVICE, Query, mean, percentiles, quantile, rate


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over time. `unit` is one of Grafana's. `stacked` adds up the lines, and `signed`
    lines may fall below 0.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    stacked: bool = False
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A titled group of panels."""

    title: str
    panels: tuple[Panel, ...]


_CALLS = Row(
    "Calls",
    (
        Panel(
            "Requests",
            "Calls that ended, with any status.",
            "reqps",
            (Query(rate("grpc_server_handled_total", "grpc_method", SERVICE), "{{grpc_method}}"),),
        ),
        Panel(
            "Statuses that are not OK",
            "INTERNAL is a bug, RESOURCE_EXHAUSTED a full queue; the rest are caller errors.",
            "reqps",
            (
                Query(
                    rate("grpc_server_handled_total", "grpc_code", f'{SERVICE},grpc_code!="OK"'),
                    "{{grpc_code}}",
                ),
            ),
        ),
        Panel(
            "Latency",
            "From the start of a call to its status, receiving the request included.",
            "s",
            percentiles("grpc_server_handling_seconds", "grpc_method", SERVICE),
        ),
        Panel(
            "Refused",
            "Refused requests, by the reason in the error.",
            "reqps",
            (Query(rate("autoquality_rejected_total", "reason"), "{{reason}}"),),
        ),
        Panel(
            "Cache",
            "Lookups and writes; skipped while the cache does not answer. 0 without a cache.",
            "reqps",
            (
                Query(rate("autoquality_cache_lookups_total", "result"), "{{result}}"),
                Query(rate("autoquality_cache_writes_total", "result"), "write: {{result}}"),
            ),
        ),
    ),
)

_LOAD = Row(
    "Load",
    (
        Panel(
            "Waiting for a worker",
            "Only served requests.",
            "s",
            percentiles("autoquality_stage_duration_seconds", where=f'{JOB},stage="queue"'),
        ),
        Panel(
            "Queue against work",
            "Time spent by all requests a second, by stage; queue is waiting, the rest is work.",
            "s",
            (Query(rate("autoquality_stage_duration_seconds_sum", "stage"), "{{stage}}"),),
            stacked=True,
        ),
        Panel(
            "Workers and queue in use",
            "Share in use. At 100 % of the queue, the server refuses requests.",
            "percentunit",
            (
                Query(
                    f"sum(autoquality_requests_in_flight{{{JOB}}})"
                    f" / sum(autoquality_workers{{{JOB}}})",
                    "workers",
                ),
                Query(
                    f"sum(autoquality_requests_queued{{{JOB}}})"
                    f" / sum(autoquality_queue_size{{{JOB}}} > 0)",
                    "queue",
                ),
            ),
        ),
        Panel(
            "Pixels at work",
            "Pixels of the requests that hold a worker, by server. They determine the memory.",
            "short",
            (Query(f"sum by (instance) (autoquality_pixels_in_flight{{{JOB}}})", "{{instance}}"),),
        ),
        Panel(
            "Being received",
            "Requests that are being received, by server. Each holds a thread.",
            "short",
            (Query(f"sum by (instance) (autoquality_uploads_in_flight{{{JOB}}})", "{{instance}}"),),
        ),
        Panel(
            "Processor",
            "Cores in use, by server.",
            "short",
            (Query(rate("process_cpu_seconds_total", "instance"), "{{instance}}"),),
        ),
    ),
)

_RESULTS = Row(
    "Results",
    (
        Panel(
            "Images by method and format",
            "Images that were encoded. Hits of the cache are not.",
            "reqps",
            (
                Query(
                    f"{rate('autoquality_iterations_count', 'method, format')} > 0",
                    "{{method}} {{format}}",
                ),
            ),
        ),
        Panel(
            "Encodings an image",
            "Full-resolution encodings of a request, the returned one included.",
            "short",
            (
                Query(
                    mean("autoquality_iterations", "method, format"),
                    "{{method}} {{format}}",
                ),
            ),
        ),
        Panel(
            "DSSIM",
            "Between the returned image and its source, if measured.",
            "short",
            percentiles("autoquality_achieved_dssim", "format"),
        ),
        Panel(
            "SSIMULACRA2",
            "Between the returned image and its source, if measured. 100 is identical.",
            "short",
            percentiles("autoquality_achieved_ssimulacra2", "format"),
        ),
        Panel(
            "Quality",
            "Of the returned image.",
            "short",
            (Query(quantile(0.5, "autoquality_quality", "format"), "{{format}} p50"),),
        ),
        Panel(
            "Bytes saved",
            "Source bytes minus encoded bytes, a second.",
            "Bps",
            (
                Query(
                    f"{rate('autoquality_source_bytes_sum')}"
                    f" - {rate('autoquality_encoded_bytes_sum')}",
                    "saved",
                ),
            ),
            signed=True,
        ),
        Panel(
            "Why searches stopped",
            "Outcomes of the searches.",
            "reqps",
            (
                Query(
                    f"{rate('autoquality_outcomes_total', 'outcome')} > 0",
                    "{{outcome}}",
                ),
            ),
        ),
    ),
)

_NETWORKS = Row(
    "Networks",
    (
        Panel(
            "Images a run",
            "Mean size of a batch, without padding.",
            "short",
            (Query(mean("autoquality_predictor_batch_size", "format"), "{{format}}"),),
        ),
        Panel(
            "Padding",
            "Share of rows that only fill a batch.",
            "percentunit",
            (
                Query(
                    f"{rate('autoquality_predictor_padding_total', 'format')} / "
                    f"({rate('autoquality_predictor_padding_total', 'format')} + "
                    f"{rate('autoquality_predictor_batch_size_sum', 'format')} > 0)",
                    "{{format}}",
                ),
            ),
        ),
        Panel(
            "Time of a prediction",
            "Mean wait for a run, and mean run.",
            "s",
            (
                Query(mean("autoquality_predictor_queue_seconds", "format"), "{{format}} waiting"),
                Query(mean("autoquality_predictor_run_seconds", "format"), "{{format}} run"),
            ),
        ),
        Panel(
            "Distance of predictions",
            "Quality steps from the predicted quality to the quality that met the target.",
            "short",
            (
                Query(
                    mean("autoquality_prediction_error_quality_steps", "format"),
                    "{{format}} mean",
                ),
            ),
        ),
        Panel(
            "Networks available",
            "1 while a network is available, 0 without one and while its circuit is open.",
            "short",
            (
                Query(
                    f"min by (format) (autoquality_predictor_available{{{JOB}}})",
                    "{{format}}",
                ),
            ),
        ),
        Panel(
            "Failed and unpredicted images",
            "Failed predictions, and images dropped from the queue.",
            "reqps",
            (
                Query(rate("autoquality_predictor_failures_total", "format"), "{{format}} failed"),
                Query(
                    rate("autoquality_predictor_unpredicted_total", "reason"),
                    "{{reason}}",
                ),
                Query(
                    rate("autoquality_predictor_reloads_total", where=f'{JOB},result="refused"'),
                    "refused files",
                ),
            ),
        ),
    ),
)

_PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Memory",
            "Resident memory by server, and the lowest limit.",
            "bytes",
            (
                Query(
                    f"process_resident_memory_bytes{{{JOB}}}"
                    " and on (namespace, job, instance) autoquality_build_info",
                    "{{instance}}",
                ),
                Query(f"min(autoquality_memory_limit_bytes{{{JOB}}})", "limit"),
            ),
        ),
        Panel(
            "Processes serving",
            "Of all servers, next to the configured number.",
            "short",
            (
                Query(f"sum(autoquality_processes_ready{{{JOB}}})", "serving"),
                Query(f"sum(autoquality_processes{{{JOB}}})", "configured"),
            ),
        ),
        Panel(
            "Processes replaced",
            "Processes that ended unexpectedly, by signal or reason.",
            "short",
            (
                Query(
                    f"sum by (cause) (increase(autoquality_process_restarts_total{{{JOB}}}[1h]))",
                    "{{cause}}",
                ),
            ),
        ),
        Panel(
            "Certificates",
            "Time until the first certificate of a file expires, by its setting; none without TLS.",
            "s",
            (
                Query(
                    "min by (setting)"
                    f" (autoquality_tls_certificate_expiry_seconds{{{JOB}}}) - time()",
                    "{{setting}}",
                ),
            ),
            signed=True,
        ),
        Panel(
            "Servers by version",
            "An upgrade shows two versions.",
            "short",
            (Query(f"count by (version) (autoquality_build_info{{{JOB}}})", "{{version}}"),),
        ),
    ),
)

ROWS = (_CALLS, _LOAD, _RESULTS, _NETWORKS, _PROCESSES)
