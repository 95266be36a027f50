from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stonechat.core.application import Application
from stonechat.core.metrics.jobs import JobNumbers


async def test_attempts_are_counted_by_kind_and_outcome_and_timed_by_kind() -> None:
    app, registry = Application(), CollectorRegistry()
    registry.register(JobNumbers(app))
    for outcome, seconds in (("done", 0.2), ("done", 0.4), ("put off", 0.1)):
        app.emit("job", "mail", outcome, seconds)
    samples = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.labels["kind"] == "mail"
    }
    assert samples["stonechat_jobs_total", "done"] == 2
    assert samples["stonechat_jobs_total", "put_off"] == 1
    assert samples["stonechat_job_seconds_count", None] == 3
