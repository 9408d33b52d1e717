"""Tells the variables that Kubernetes injects from settings. Touch this if Kubernetes injects another form.

Beside every pod it puts, for each service of the namespace, variables that begin with the service's name: a service
`gaelp-worker` gives GAELP_WORKER_SERVICE_HOST. The forms are those of kubernetes.io/docs/concepts/services-networking/
service/#environment-variables ("{SVCNAME}_SERVICE_HOST and {SVCNAME}_SERVICE_PORT", and Docker's links), read in
November 2026. The value must fit too, so that a misspelled setting is still refused.
"""

from __future__ import annotations

import re

_PORT = r"[0-9]{1,5}"
_HOST = r"[0-9a-fA-F.:]+|None"  # an address; None where a service has none of its own
_LINK = rf"(?:tcp|udp|sctp)://(?:[0-9.]+|\[[0-9a-fA-F:]+\]):{_PORT}"
_FORMS = tuple(
    (re.compile(rf"(?:[A-Z0-9_]+_)?{name}"), re.compile(value))
    for name, value in (
        ("SERVICE_HOST", _HOST),
        ("SERVICE_PORT(?:_[A-Z0-9_]+)?", _PORT),
        ("PORT", _LINK),
        (f"PORT_{_PORT}_(?:TCP|UDP|SCTP)", _LINK),
        (f"PORT_{_PORT}_(?:TCP|UDP|SCTP)_PROTO", "tcp|udp|sctp"),
        (f"PORT_{_PORT}_(?:TCP|UDP|SCTP)_PORT", _PORT),
        (f"PORT_{_PORT}_(?:TCP|UDP|SCTP)_ADDR", _HOST),
    )
)


def is_of_kubernetes(name: str, value: str) -> bool:
    """Whether Kubernetes injects a variable of this name (capitals, without GAELP_) with a value of this form."""
    return any(names.fullmatch(name) and values.fullmatch(value) for names, values in _FORMS)
