"""The Kubernetes manifests: they fit the schemas, name each other, and give pods time to drain."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.cli.ending import CLOSING_S
from service.settings import Settings
from service.telemetry import Metrics
from tests.deploy.composed import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
RESOURCES = [
    resource
    for name in KUSTOMIZATION["resources"]
    for resource in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
DEPLOYMENTS = [one for one in RESOURCES if one["kind"] == "Deployment"]
VERSIONS = ("1.29", kubernetes_validate.latest_version())  # the oldest that is meant, the newest


def name_of(resource: dict[str, Any]) -> str:
    return f"{resource['kind']}-{resource['metadata']['name']}"


def one(kind: str) -> dict[str, Any]:
    (found,) = (resource for resource in RESOURCES if resource["kind"] == kind)
    return found


def container_of(deployment: dict[str, Any]) -> dict[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
def test_resources_fit_the_schema(resource: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(resource, version, strict=True)


def test_the_schema_would_notice_a_misspelt_key() -> None:
    wrong = {**one("Service"), "spec": {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_every_manifest_is_listed() -> None:
    apart = {"kustomization.yaml", "prometheus-adapter.yaml"}
    listed = {*KUSTOMIZATION["resources"], *apart}
    assert {path.name for path in FOLDER.iterdir()} == listed


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_pods_are_confined(deployment: dict[str, Any]) -> None:
    pod, container = deployment["spec"]["template"]["spec"], container_of(deployment)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["volumeMounts"] == [{"name": "jobs", "mountPath": "/data"}]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_pods_have_the_time_to_drain(deployment: dict[str, Any]) -> None:
    pod, container = deployment["spec"]["template"]["spec"], container_of(deployment)
    before = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
    leaves_s = 0.0 if before is None else float(before[1])
    needed_s = leaves_s + Settings().shutdown_grace_s + CLOSING_S
    assert pod["terminationGracePeriodSeconds"] > needed_s


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_pods_set_known_settings_and_no_other_variable_can_be_taken_for_one(
    deployment: dict[str, Any],
) -> None:
    names = {variable["name"] for variable in container_of(deployment)["env"]}
    assert names <= {f"CHIASM_{field.upper()}" for field in Settings.model_fields}
    # A Service called chiasm would put CHIASM_PORT=tcp://… into every pod.
    assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_what_selects_pods_selects_those_of_the_api() -> None:
    (api,) = (one for one in DEPLOYMENTS if one["metadata"]["name"] == "chiasm-api")
    labels = api["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one("Service")["spec"]["selector"],
        one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        api["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    assert selectors[0]["app.kubernetes.io/component"] == "api"
    (port,) = one("Service")["spec"]["ports"]
    assert port["targetPort"] in {one["name"] for one in container_of(api)["ports"]}
    scaled = one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chiasm-api"}
    assert "replicas" not in api["spec"]  # or every apply would undo the autoscaler's choice


def test_the_autoscaler_acts_on_a_metric_that_there_is_before_requests_are_refused() -> None:
    (metric,) = one("HorizontalPodAutoscaler")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    (rule,) = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert name in {family.name for family in Metrics().registry.collect()}
    target = metric["pods"]["target"]["averageValue"]
    assert float(target.removesuffix("m")) < Settings().max_wait_ms / 2


def test_kustomize_puts_it_together() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    command = [kubectl, "kustomize", str(Path(FOLDER))]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = list(yaml.safe_load_all(text))
    assert sorted(map(name_of, built)) == sorted(map(name_of, RESOURCES))
    images = {container_of(one)["image"] for one in built if one["kind"] == "Deployment"}
    assert images == {"registry.example/chiasm:0.1.0"}
