"""Prometheus's configuration and alerts, Grafana's dashboard: valid, and about what there is."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service.telemetry import Metrics
from tests.deploy.composed import ROOT, composed

PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "chiasm.json").read_text(encoding="utf-8"))
ALERTS = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def promtool(*arguments: str) -> str:
    """Run Debian's promtool, and return what it says if it is content."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_and_its_rules_are_valid() -> None:
    assert f"{len(ALERTS)} rules found" in promtool(
        "check", "config", str(PROMETHEUS / "prometheus.yml")
    )


def test_alerts_fire_when_they_should_and_are_silent_when_they_should() -> None:
    promtool("test", "rules", str(PROMETHEUS / "alerts.test.yml"))


def test_every_alert_is_tested() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in ALERTS}


def test_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    known = {"$__rate_interval": "1m", "$instance": ".*"}
    rules = []
    for number, query in enumerate(QUERIES):
        for name, value in known.items():
            query = query.replace(name, value)
        rules.append({"record": f"query_{number}", "expr": query})
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(path))


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in ALERTS)])
def test_queries_ask_for_metrics_that_there_are(query: str) -> None:
    known = {"up", *metrics()}
    assert set(re.findall(r"\b(chiasm_\w+|up)\b(?=[{\[) ])", query)) <= known
    assert "chiasm_" in query or "up{" in query


def metrics() -> set[str]:
    """Return the names of the samples that the service has."""
    names = set()
    for family in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


def test_prometheus_and_grafana_find_what_compose_mounts() -> None:
    services = composed("scale")
    (scraped,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    (discovery,) = scraped["dns_sd_configs"]
    assert discovery["names"] == ["api"]
    assert "api" in services
    provisioning = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "chiasm.yaml").read_text())[
        "providers"
    ]
    assert provider["options"]["path"] in services["grafana"].mounts
