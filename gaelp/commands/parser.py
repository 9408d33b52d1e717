"""The command line's grammar. Touch this to add a verb or an option; a --help must not wait for its imports."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from gaelp.commands import log_options
from gaelp.commands.console import WrongUse
from gaelp.commands.exports.audit_options import audit_options
from gaelp.commands.exports.export_options import exposure_options, lag_options, plan_options
from gaelp.commands.page_options import page_options
from gaelp.commands.people.notify_options import notify_options
from gaelp.commands.people.person_options import (
    alerts_options,
    person_options,
    resolve_options,
    silence_options,
    undo_options,
)
from gaelp.commands.power.exam_options import certify_options, count
from gaelp.commands.verb_examples import epilog
from gaelp.commands.watching.report_options import report_options
from gaelp.domain.phases import PHASE_ORDER

OLDER_OPTIONS = ("--config", "--experiment-name", "--validate-config", "--set", "--agent", "--wait")

VERBS: dict[str, tuple[str, str]] = {  # verb: (module:function under gaelp.commands, what it does)
    "start": ("runs.start:start", "start a training run"),
    "validate": ("runs.start:validate", "check a configuration and print every error"),
    "status": ("watching.status:status", "where a run stands"),
    "assess": ("watching.assess:assess", "what a run's gate would say of the evidence so far; uses no attempt"),
    "list": ("watching.status:list_runs", "all runs"),
    "watch": ("watching.watch:watch", "live progress of a run"),
    "wait": ("watching.wait:wait", "return when a run needs somebody, or ends"),
    "approve": ("people.decide:approve", "sign and send the approval of spend that a run waits for"),
    "reject": ("people.decide:reject", "sign and send a refusal of it"),
    "pause": ("runs.control:pause", "hold a run at its next step"),
    "resume": ("runs.control:resume", "let a paused run go on"),
    "stop": ("runs.stop:stop", "emergency stop: pause everything of a run or an account and read it back"),
    "cancel": ("runs.control:cancel", "end a run; its campaigns are paused and settled"),
    "accounts": ("people.accounts:accounts", "the owner's accounts and their envelopes"),
    "keys": ("people.keys:keys", "approvers and their keys"),
    "exposure": (
        "people.exposure:exposure",
        "the most that an export's or an account's campaigns may lawfully be billed",
    ),
    "lag": ("exports.lag:lag", "how late conversions come after their clicks, by exports of an account"),
    "reconcile": ("people.reconcile:reconcile", "an account's books beside what its platform shows"),
    "alerts": (
        "people.alert_verbs:alerts",
        "what people should know of a run, or of all: equal alerts as one, by state",
    ),
    "resolve": ("people.alert_verbs:resolve", "resolve an alert or clear a violation, as a named person with a reason"),
    "silence": (
        "people.alert_verbs:silence",
        "send no messages of an alert for hours, as a named person with a reason",
    ),
    "undo": ("people.undo:undo", "restore what a step of monitoring has lowered, as a named person with a reason"),
    "attempts": ("people.attempts:attempts", "attempts at the gates, and their reset"),
    "audit": ("exports.audit:audit", "what stands out in a file from an ad account, with intervals and money"),
    "notify": ("people.notify:notify", "messages to the people of an account: what waits for them, and alarms"),
    "ingest": ("logs_and_agents.ingest:ingest", "a real log into the warehouse"),
    "rejected": ("logs_and_agents.ingest:rejected", "the lines of a log that were not taken"),
    "evaluate": ("history.evaluate_log:evaluate", "what a policy would have got on a bandit log, or an A/B test"),
    "replay": ("history.replay_log:replay", "what a bid policy would have won on a market log"),
    "calibrate": ("history.calibrate_log:calibrate", "what a log says of the market, with intervals, and as settings"),
    "report": ("watching.report:report", "one HTML page about a run, or about all of them"),
    "dev": ("dev:dev", "the local services and a worker, until interrupted"),
    "agents": ("logs_and_agents.catalogue:agents", "the installed agents"),
    "environments": ("logs_and_agents.catalogue:environments", "the installed environments"),
    "new-agent": ("logs_and_agents.new_agent:new_agent", "write the package of an agent of one's own"),
    "certify": ("power.certify:certify", "how often a gate is wrong, by many trials of it"),
    "plan": ("power.plan:plan", "what an exam, or a budget by an account's own figures, can find out"),
    "checkpoints": ("logs_and_agents.catalogue:checkpoints", "the checkpoints that a run has made"),
    "version": ("installed_version:version", "the version that is installed, as --version"),
}


class Parser(argparse.ArgumentParser):
    """Raises WrongUse where argparse would print and exit. Its answer says in `said` which options were given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """`said` has the option of each argument whose value is not its default, by the argument's name."""
        parsed, rest = super().parse_known_args(args, namespace)
        options = {each.dest: each for each in self._actions if each.option_strings}
        parsed.said = getattr(parsed, "said", {}) | {
            name: each.option_strings[0]
            for name, each in options.items()
            if getattr(parsed, name, each.default) != each.default
        }
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message}: see {self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The verb and its arguments. Raises WrongUse, and SystemExit(0) for --help."""
    words = _older_form(list(argv))
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb is not None and verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        meant = f"did you mean {near[0]}?" if near else f"use one of {', '.join(VERBS)}"
        raise WrongUse(f"there is no verb {verb!r}: {meant}")
    return build(verb).parse_args(words)


def build(verb: str | None = None) -> Parser:
    """The grammar of a verb; without one, that of `--help`, which names the verbs and not their options."""
    parser = Parser(
        prog="starter.py",
        description="Trains ad agents and lets them near money only when the evidence says so.",
        epilog="Exit codes: 0 done, 1 failed or refused, 2 wrong usage or configuration, 3 ended without graduating, "
        "4 a run that was waited for needs somebody. "
        "The older form `--config PROFILE [--experiment-name N] [--validate-config]` means start, or validate.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in VERBS if verb is None else (verb,):
        _, does = VERBS[name]
        made = verbs.add_parser(
            name,
            help=does,
            description=does,
            epilog=epilog(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if verb is not None:
            ARGUMENTS[verb](made)
    return parser


def _older_form(words: list[str]) -> list[str]:
    """`--version`, and `--config quick-test [--validate-config]` without a verb, as the verbs that they mean."""
    first = next((word for word in words if word != "--json"), "")
    if first == "--version":
        return ["version", *(word for word in words if word != "--version")]
    if first.split("=")[0] not in OLDER_OPTIONS:
        return words
    verb = "validate" if "--validate-config" in words else "start"
    return [verb, *(word for word in words if word != "--validate-config")]


def _configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="quick-test", metavar="PROFILE_OR_FILE", help="default: quick-test")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="override one setting")
    parser.add_argument("--agent", metavar="NAME", help="means --set agent=NAME")
    parser.add_argument("--experiment-name", metavar="NAME", help="the run's name, taken for ever")
    parser.add_argument("--from-checkpoint", metavar="DIGEST", help="begin with this agent state")
    phases = [str(phase) for phase in PHASE_ORDER]
    parser.add_argument("--from-phase", choices=phases, help="skip the phases before")
    parser.add_argument("--until", choices=phases, help="end after this phase, as promoted where it lets the run go on")


def _start(parser: argparse.ArgumentParser) -> None:
    _configuration(parser)
    parser.add_argument("--wait", action="store_true", help="show progress until the run ends")
    prove = "prove who starts it, where the account's owner wants a second person to approve (four eyes)"
    parser.add_argument("--sign-with", metavar="FILE", help=prove)


def _validate(parser: argparse.ArgumentParser) -> None:
    _configuration(parser)
    parser.add_argument("--syntax-only", action="store_true", help="only what the configuration itself can tell")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN")


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=count, default=50, help="newest first, at the most (default 50)")


def _decide(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--request", metavar="ID", help="which request, where several are open")
    parser.add_argument("--key", metavar="FILE", help="private key; else GAELP_APPROVER_KEY, else the only local one")
    parser.add_argument("--reason", default="", help="recorded beside the decision")
    parser.add_argument("--print", action="store_true", help="print the JSON of the signal instead of sending it")
    parser.add_argument("--yes", action="store_true", help="do not ask before signing")
    parser.add_argument("--campaigns", action="store_true", help="list every campaign with its ceilings, too")
    parser.add_argument("--timeout", type=count, default=30, metavar="SECONDS", help="wait that long for the outcome")


def _approve(parser: argparse.ArgumentParser) -> None:
    _decide(parser)
    parser.add_argument("--page", action="store_true", help="ask in a browser, by a one-time link; a passkey may sign")
    page_options(parser)


def _stop(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", metavar="RUN", nargs="?")
    what.add_argument("--account", metavar="NAME")
    what.add_argument("--all", action="store_true", help="every account")
    parser.add_argument("--reason", default="stopped by hand")
    parser.add_argument("--yes", action="store_true", help="do not ask before everything of an account is stopped")


def _accounts(parser: argparse.ArgumentParser) -> None:
    actions = _listing(parser)
    _action(actions, "list", "all accounts and their envelopes, as without an action")
    add = _action(actions, "add", "enter an account, or change its envelope")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--kind", choices=["emulator", "real"], required=True)
    add.add_argument("--platform", required=True, help="emulator, google-ads or meta")
    add.add_argument("--currency", default="USD")
    add.add_argument("--timezone", default="UTC")
    add.add_argument("--daily-cap", required=True, metavar="AMOUNT", help="worst case on one day, in whole units")
    add.add_argument("--total-cap", required=True, metavar="AMOUNT", help="billed plus open worst case, for ever")
    add.add_argument("--usd-rate", metavar="UNITS", help="how many units of its currency a US dollar is")
    add.add_argument("--usd-rate-date", metavar="DAY", help="the day of that rate; after 31 days a run is refused")
    add.add_argument("--usd-rate-source", metavar="WHO", help="who publishes it")
    quota = "calls that its platform grants in a span of seconds, as in 15000/86400; all workers together keep to it"
    add.add_argument("--call-quota", metavar="CALLS/SECONDS", help=quota)
    two = "an approval of more needs a second person beside its starter; 0: every one; off: none; not given: as it was"
    add.add_argument("--four-eyes-above", metavar="AMOUNT", help=two)
    add.add_argument("--world-from", nargs="+", default=[], metavar="LOG", help="emulator: its market, from these logs")


def _keys(parser: argparse.ArgumentParser) -> None:
    actions = _listing(parser)
    new = _action(actions, "new", "make a key; its public half is printed")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--out", required=True, metavar="FILE")
    add = _action(actions, "add", "let a person approve spend on an account")
    add.add_argument("--account", required=True)
    half = add.add_mutually_exclusive_group(required=True)
    half.add_argument("--public", metavar="KEY", help="the public key, as `keys new` printed it")
    half.add_argument("--key", metavar="FILE", help="the private key file")
    half.add_argument("--passkey", action="store_true", help="a passkey, which a browser makes on a page of one link")
    page_options(add)
    add.add_argument("--name", required=True, help="who it is")
    add.add_argument("--limit", required=True, metavar="AMOUNT", help="the largest envelope this person may approve")
    add.add_argument("--demo", action="store_true", help="refused on any account that is not an emulator's")
    listed = _action(actions, "list", "who may approve, on every account as without an action, or on one")
    listed.add_argument("--account", metavar="NAME")
    remove = _action(actions, "remove", "take the right away")
    remove.add_argument("--account", required=True)
    remove.add_argument("key_id", metavar="KEY_ID")


def _reconcile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", required=True, metavar="NAME")


def _attempts(parser: argparse.ArgumentParser) -> None:
    actions = _listing(parser)
    _action(actions, "list", "the attempts used, as without an action")
    reset = _action(actions, "reset", "count the attempts of a series anew")
    for name in ("account", "product", "agent"):
        reset.add_argument(f"--{name}", required=True)
    reset.add_argument("--gate", required=True, choices=[str(phase) for phase in PHASE_ORDER])
    person_options(reset)


def _new_agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="new or empty")
    parser.add_argument("--name", metavar="NAME", help="what configurations call the agent; default: the folder's name")


def _listing(parser: argparse.ArgumentParser) -> Any:
    """Actions of which none means `list`."""
    parser.set_defaults(account=None)
    return parser.add_subparsers(dest="action", metavar="ACTION")


def _action(actions: Any, name: str, does: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(name, help=does, description=does)
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return made


def _nothing(_: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


ARGUMENTS = {
    "start": _start, "validate": _validate, "status": _run, "assess": _run, "list": _list, "watch": _run, "wait": _run,
    "approve": _approve, "reject": _decide, "pause": _run, "resume": _run, "stop": _stop, "cancel": _run,
    "accounts": _accounts, "keys": _keys, "exposure": exposure_options, "lag": lag_options,
    "reconcile": _reconcile, "alerts": alerts_options, "resolve": resolve_options, "silence": silence_options,
    "undo": undo_options, "attempts": _attempts, "notify": notify_options, "audit": audit_options,
    "ingest": log_options.ingest_options, "rejected": log_options.rejected_options,
    "evaluate": log_options.evaluate_options, "replay": log_options.replay_options,
    "calibrate": log_options.calibrate_options, "report": report_options, "dev": _nothing,
    "agents": _nothing, "environments": _nothing, "new-agent": _new_agent, "checkpoints": _run,
    "certify": certify_options, "plan": plan_options, "version": _nothing,
}  # fmt: skip
