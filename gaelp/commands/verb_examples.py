"""An example of each verb, and of each action of a verb that has some, as `--help` shows it.

Touch this when a verb or an action is added. tests/unit/commands/test_verb_examples.py gives each to the grammar.
"""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "start": (
        "start --config quick-test --experiment-name first --set seed=7 --wait",
        "start --config staging --until historical",
    ),
    "validate": ("validate --config quick-test --set seed=7",),
    "status": ("status first", "status first --json"),
    "assess": ("assess first", "assess first --json"),
    "list": ("list --limit 10",),
    "watch": ("watch first",),
    "wait": ("wait first && echo graduated", "wait first --json"),
    "approve": ("approve first", "approve first --key ada.pem --yes", "approve first --page"),
    "reject": ('reject first --reason "too much for a Monday"',),
    "pause": ("pause first",),
    "resume": ("resume first",),
    "stop": ('stop --account shop --reason "prices look wrong"', "stop first"),
    "cancel": ("cancel first",),
    "accounts": (
        "accounts list",
        "accounts add shop --kind emulator --platform emulator --daily-cap 500 --total-cap 20000",
    ),
    "keys": (
        "keys list --account shop",
        'keys new "Ada Lovelace" --out ada.pem',
        'keys add --account shop --key ada.pem --name "Ada Lovelace" --limit 5000',
        "keys remove --account shop 4f2a91c07d3e",
    ),
    "exposure": ("exposure --account shop", "exposure examples/shop.csv"),
    "lag": ("lag monday.csv friday.csv",),
    "reconcile": ("reconcile --account shop",),
    "resolve": ("resolve first", 'resolve first v-12 --reason "the page was down and is up again"'),
    "undo": (
        "undo first",
        'undo first first/live-test/campaign-00/step-1 --reason "the tag was dead, and sales were not"',
    ),
    "attempts": (
        "attempts list",
        "attempts reset --account shop --product shoes --agent linear-thompson --gate simulation "
        '--reason "the log was wrong"',
    ),
    "audit": ("audit examples/shop.csv --target-cpa 30",),
    "notify": ("notify",),
    "ingest": ("ingest all.csv --kind bandit --name shop-log --items item_context.csv",),
    "rejected": ("rejected shop-log",),
    "evaluate": ("evaluate shop-log --policy uniform",),
    "replay": ("replay auctions --policy lin_bid --param b0=10 --train earlier-auctions",),
    "calibrate": ("calibrate shop-log --output fitted.yaml",),
    "report": ("report first", "report first --output pages", "report first --to mlflow", "report --all"),
    "dev": ("dev",),
    "agents": ("agents",),
    "environments": ("environments",),
    "new-agent": ("new-agent my-agent",),
    "certify": ("certify --exams 4000 --set seed=7",),
    "plan": ("plan --success 0.85", "plan --gate live --cpa 20"),
    "checkpoints": ("checkpoints first",),
    "version": ("--version", "version --json"),
}


def epilog(verb: str) -> str:
    """The lines below a verb's help."""
    examples = EXAMPLES.get(verb, ())  # a verb that lacks one fails its test, and no help
    return "Example:\n" + "".join(f"  python starter.py {each}\n" for each in examples) if examples else ""
