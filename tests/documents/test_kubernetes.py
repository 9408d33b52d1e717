"""deploy/kubernetes/: every field is one that the Kubernetes API has, and credentials stay apart from agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gaelp.domain.temporal_names import Queue
from gaelp.settings import Settings
from workflows.activity_options import PAUSE, SPEND

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
Manifest = dict[str, Any]

# The fields that we use, as the reference of the API (1.31) names them. ANY: a map of names of ours, or a plain value.
ANY: Any = None
LABELS = {"matchLabels": ANY}
META = {"name": ANY, "labels": ANY}
PROBE = {"exec": {"command": ANY}, "periodSeconds": ANY, "failureThreshold": ANY}
REFERENCE = {"name": ANY, "key": ANY, "optional": ANY}
CONTAINER = {
    "name": ANY, "image": ANY, "args": ANY, "envFrom": [{"configMapRef": {"name": ANY}}],
    "env": [{"name": ANY, "value": ANY, "valueFrom": {"secretKeyRef": REFERENCE}}],
    "startupProbe": PROBE, "readinessProbe": PROBE, "resources": {"requests": ANY, "limits": ANY},
    "securityContext": {"allowPrivilegeEscalation": ANY, "capabilities": {"drop": ANY}},
    "volumeMounts": [{"name": ANY, "mountPath": ANY}],
}  # fmt: skip
POD = {
    "automountServiceAccountToken": ANY, "terminationGracePeriodSeconds": ANY, "containers": [CONTAINER],
    "securityContext": {"runAsNonRoot": ANY, "runAsUser": ANY, "fsGroup": ANY, "seccompProfile": {"type": ANY}},
    "topologySpreadConstraints": [
        {"maxSkew": ANY, "topologyKey": ANY, "whenUnsatisfiable": ANY, "labelSelector": LABELS}
    ],
    "volumes": [{"name": ANY, "persistentVolumeClaim": {"claimName": ANY}}],
}  # fmt: skip
PORTS = [{"ports": [{"protocol": ANY, "port": ANY}]}]
KINDS: dict[tuple[str, str], Manifest] = {
    ("apps/v1", "Deployment"): {
        "spec": {
            "replicas": ANY, "selector": LABELS, "template": {"metadata": META, "spec": POD},
            "strategy": {"type": ANY, "rollingUpdate": {"maxUnavailable": ANY, "maxSurge": ANY}},
        }
    },
    ("v1", "ConfigMap"): {"data": ANY},
    ("v1", "PersistentVolumeClaim"): {"spec": {"accessModes": ANY, "resources": {"requests": ANY}}},
    ("networking.k8s.io/v1", "NetworkPolicy"): {"spec": {"podSelector": LABELS, "policyTypes": ANY, "egress": PORTS}},
    ("policy/v1", "PodDisruptionBudget"): {"spec": {"minAvailable": ANY, "selector": LABELS}},
}  # fmt: skip


def unknown_fields(value: Any, schema: Any, place: str = "") -> list[str]:
    """Fields that the schema does not have, by their path."""
    if schema is ANY:
        return []
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{place} is no list"]
        return [found for n, each in enumerate(value) for found in unknown_fields(each, schema[0], f"{place}[{n}]")]
    if not isinstance(value, dict):
        return [f"{place} is no map"]
    return [
        found
        for name, each in value.items()
        for found in (unknown_fields(each, schema[name], f"{place}.{name}") if name in schema else [f"{place}.{name}"])
    ]


def wrong_with(manifest: Manifest) -> list[str]:
    """What Kubernetes would refuse or ignore in a manifest."""
    schema = KINDS.get((manifest.get("apiVersion", ""), manifest.get("kind", "")))
    if schema is None:
        return ["its kind is unknown"]
    return unknown_fields(manifest, {"apiVersion": ANY, "kind": ANY, "metadata": META, **schema})


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    """Every manifest of the folder."""
    files = sorted(FOLDER.glob("*.yaml"))
    return [manifest for file in files for manifest in yaml.safe_load_all(file.read_text())]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def pods(manifests: list[Manifest]) -> dict[str, tuple[Manifest, Manifest]]:
    """Queue -> the pod of its Deployment, and the pod's only container."""
    specs = [each["spec"]["template"]["spec"] for each in of_kind(manifests, "Deployment")]
    return {spec["containers"][0]["args"][2]: (spec, spec["containers"][0]) for spec in specs}


def secrets(container: Manifest) -> set[str]:
    """Names of the Secrets that a container is given something of."""
    return {e["valueFrom"]["secretKeyRef"]["name"] for e in container["env"] if "valueFrom" in e}


def test_every_field_is_one_of_the_api(manifests: list[Manifest]) -> None:
    """No manifest has a kind or a field that Kubernetes does not know; a misspelt one would be found."""
    assert [wrong for manifest in manifests for wrong in wrong_with(manifest)] == []
    broken = yaml.safe_load(yaml.safe_dump(of_kind(manifests, "Deployment")[0]))
    broken["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
    assert wrong_with(broken) == [".spec.template.spec.terminationGracePeriod"]


def test_every_queue_has_a_deployment_of_its_own(manifests: list[Manifest]) -> None:
    """Each task queue is served by one Deployment, whose labels and selector name it."""
    assert sorted(pods(manifests)) == sorted(Queue)
    for deployment in of_kind(manifests, "Deployment"):
        spec = deployment["spec"]
        labels = {"app": "gaelp", "queue": spec["template"]["spec"]["containers"][0]["args"][2]}
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels


def test_credentials_are_where_they_are_needed(manifests: list[Manifest]) -> None:
    """Ad credentials are with live and stop only, and the compute worker has Temporal's and no other."""
    given = {queue: secrets(container) for queue, (_, container) in pods(manifests).items()}
    assert {queue for queue, names in given.items() if "gaelp-ads" in names} == {Queue.LIVE, Queue.STOP}
    assert given[Queue.COMPUTE] == given[Queue.WORKFLOWS] == {"gaelp-temporal"}


def test_no_secret_is_written_down(manifests: list[Manifest]) -> None:
    """What holds a secret comes from a Secret of the cluster: neither the ConfigMap nor a plain value has one."""
    assert of_kind(manifests, "Secret") == []
    words = ("TOKEN", "SECRET", "PASSWORD", "KEY", "LEDGER")
    plain = {e["name"] for _, c in pods(manifests).values() for e in c["env"] if "value" in e}
    for name in (*of_kind(manifests, "ConfigMap")[0]["data"], *plain):
        assert not any(word in name for word in words), name


def test_every_variable_is_a_setting(manifests: list[Manifest]) -> None:
    """Each GAELP_ variable is a field of the settings, so that no name is misspelt."""
    names = set(of_kind(manifests, "ConfigMap")[0]["data"])
    names |= {e["name"] for _, c in pods(manifests).values() for e in c["env"] if e["name"].startswith("GAELP_")}
    assert {name.removeprefix("GAELP_").lower() for name in names} <= set(Settings.model_fields)


def test_a_worker_is_ready_when_it_polls_and_has_time_to_end(manifests: list[Manifest]) -> None:
    """Both probes ask for the file of --ready; a call that may spend, and a pause, end before their pod is killed."""
    longest = max(o["start_to_close_timeout"].total_seconds() for o in (SPEND, PAUSE))
    for queue, (spec, container) in pods(manifests).items():
        ready = container["args"][container["args"].index("--ready") + 1]
        for probe in ("startupProbe", "readinessProbe"):
            assert container[probe]["exec"]["command"] == ["test", "-f", ready]
        assert not any(ready.startswith(mount["mountPath"]) for mount in container["volumeMounts"])
        assert spec["terminationGracePeriodSeconds"] >= (longest if queue in (Queue.LIVE, Queue.STOP) else 10)


def test_compute_reaches_temporal_alone(manifests: list[Manifest]) -> None:
    """The network policy of the pods that run foreign code lets them out to Temporal and the name service only."""
    policies = {each["spec"]["podSelector"]["matchLabels"].get("queue"): each for each in manifests
                if each["kind"] == "NetworkPolicy"}  # fmt: skip
    compute = policies[Queue.COMPUTE]["spec"]
    assert compute["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in compute["egress"] for port in rule["ports"]} == {7233, 53}


def test_pods_have_no_more_rights_than_they_need(manifests: list[Manifest]) -> None:
    """No root, no capability, no service account's token, and an image without a floating tag or a registry."""
    for spec, container in pods(manifests).values():
        assert spec["automountServiceAccountToken"] is False and spec["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        name, _, tag = container["image"].partition(":")
        assert "/" not in name and tag not in ("", "latest")
