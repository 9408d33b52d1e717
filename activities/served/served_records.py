"""What the queue `records` serves: ledger, warehouse, events. Touch this when an activity of RECORDS is added."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from activities.inputs import Inputs
from activities.records.approvals import Approvals
from activities.records.assessment import Assessment
from activities.records.calibration import Calibration
from activities.records.campaign_looks import CampaignLooks
from activities.records.campaign_reports import CampaignReports
from activities.records.curricula import Curricula
from activities.records.logs import Logs
from activities.records.personas import Personas
from activities.records.planning import Planning
from activities.records.recording import Records
from activities.records.runs import Runs
from activities.served.measured_ledger import open_ledger
from gaelp.metrics.recorder import Recorder
from gaelp.personas.endpoint import open_endpoint
from gaelp.personas.rating_cache import RatingCache
from gaelp.records.content_store import ContentStore
from gaelp.records.events.event_back_ends import open_events
from gaelp.records.events.live_metrics import LiveMetrics
from gaelp.records.events.redis_streams import connect as connect_redis
from gaelp.records.installed_code import code_version, package_versions
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.settings import Settings


def records_activities(settings: Settings, recorder: Recorder) -> list[Callable[..., Any]]:
    """Ledger, warehouse, events, live metrics."""
    store, ledger = ContentStore(settings.store), open_ledger(settings, recorder)
    inputs, warehouse = Inputs(store), open_warehouse(settings.warehouse)
    events = open_events(settings.redis_url, settings.pubsub_project)
    runs = Runs(ledger, store, warehouse, events, code_version(), package_versions())
    calibration, logs, looks = Calibration(inputs, warehouse), Logs(inputs, warehouse), CampaignLooks()
    planning, assessment, curricula = Planning(ledger, inputs), Assessment(ledger, inputs), Curricula(inputs, warehouse)
    reports, approvals = CampaignReports(ledger, inputs), Approvals(ledger, calibration.terms)
    records = Records(inputs, ledger, warehouse, events, LiveMetrics(settings.redis_url))
    rater = partial(open_endpoint, settings.llm_url, settings.llm_api_key)
    personas = Personas(inputs, rater, RatingCache(connect_redis(settings.redis_url)))
    return [
        runs.begin_run,
        runs.look_at_run,
        runs.end_run,
        calibration.calibrate_market,
        personas.rate_panel,
        *(logs.plan_historical, logs.prepare_log),
        *(planning.plan_simulation, planning.begin_exam),
        *(curricula.plan_curriculum, curricula.advance_curriculum),
        *(planning.plan_campaigns, planning.read_plans, planning.start_of),
        *(planning.review_campaigns, planning.scale_budgets),
        assessment.assess_simulation,
        assessment.assess_historical,
        assessment.assess_campaigns,
        approvals.request_approval,
        approvals.look_at_request,
        approvals.submit_decision,
        approvals.note_refused_signals,
        *(reports.keep_reached, reports.keep_result, reports.let_proceed),
        *(looks.look_at_campaigns, looks.look_at_phase),
        records.record,
        records.record_batches,
        records.record_campaigns,
    ]
