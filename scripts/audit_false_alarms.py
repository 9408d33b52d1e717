"""How often `audit` reports something on simulated accounts with nothing wrong, by kind of finding.

    python -m scripts.audit_false_alarms --accounts 2000 --seed 7

docs/audit.md prints what it says.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from gaelp.domain.exports.findings import AuditQuestion, FindingKind
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.exports.account_audit import audit
from gaelp.evidence.exports.simulated_accounts import BRAND, TARGET, clean_account
from gaelp.money import MICROS_PER_UNIT


def alarms(accounts: int, seed: int) -> Counter[str]:
    """On how many clean accounts each kind was reported, and on how many anything was ('any')."""
    counts: Counter[str] = Counter()
    for number in range(accounts):
        account = clean_account(np.random.default_rng([seed, number]))
        question = AuditQuestion(account.export, 14, round(TARGET * MICROS_PER_UNIT), (BRAND,), orders=account.orders)
        kinds = {str(each.kind) for each in audit(question).findings}
        counts.update(kinds)
        counts["any"] += bool(kinds)
    return counts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    counts = alarms(arguments.accounts, arguments.seed)
    print(f"{'finding':32} accounts  share   95 % interval")
    for kind in (*map(str, FindingKind), "any"):
        low, high = clopper_pearson(counts[kind], arguments.accounts, 0.025)
        print(f"{kind:32} {counts[kind]:8,}  {counts[kind] / arguments.accounts:6.2%}  {low:.2%} to {high:.2%}")


if __name__ == "__main__":
    main()
