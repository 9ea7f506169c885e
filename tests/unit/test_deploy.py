"""What is deployed fits the program: settings, commands and metrics exist, rules fire, servers accept their files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from veriscope.api.metrics import Metrics
from veriscope.cli import main
from veriscope.config import ENV_PREFIX, Settings

from tests.servers import absent, program

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_SUFFIX = re.compile(r"_(bucket|count|sum|total)$")


def run(*command: str, cwd: Path | None = None) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def metric_names() -> set[str]:
    """Of the counters and histograms, and of the gauges as they stand in the source."""
    source = (DEPLOY.parent / "src/veriscope/api/metrics.py").read_text()
    counted = {metric.name for metric in Metrics().registry.collect()}
    return counted | set(re.findall(r'"(veriscope_[a-z_]+)"', source))


def test_rules_are_right_and_each_fires() -> None:
    promtool = program("promtool")
    rules = [str(path) for path in sorted(DEPLOY.glob("prometheus/*.yml")) if path.stem in {"alerts", "drift"}]
    run(promtool, "check", "rules", *rules)
    run(promtool, "test", "rules", "alerts_test.yml", cwd=DEPLOY / "prometheus")
    alerts = [rule["alert"] for g in _yaml("prometheus/alerts.yml")["groups"] for rule in g["rules"]]
    tests = _yaml("prometheus/alerts_test.yml")["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == set(alerts)


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.suffix in {".yml", ".json"} and path.is_file()]
    asked = {name for text in texts for name in re.findall(r"veriscope_[a-z_]+", text)}
    asked = {_SUFFIX.sub("", name) for name in asked}
    assert len(asked) > 10
    assert asked <= {_SUFFIX.sub("", name) for name in metric_names()} | {"veriscope_requests"}


def test_dashboard_has_no_panel_on_another() -> None:
    panels = json.loads((DEPLOY / "grafana/veriscope.json").read_text())["panels"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(panels)


def test_nginx_accepts_its_file(tmp_path: Path) -> None:
    nginx, openssl = program("nginx", "/usr/sbin"), program("openssl")
    key, certificate = tmp_path / "veriscope.key", tmp_path / "veriscope.crt"
    name = ["-subj", "/CN=veriscope.example", "-days", "1", "-nodes", "-newkey", "rsa:2048"]
    run(openssl, "req", "-x509", *name, "-keyout", str(key), "-out", str(certificate))
    text = (DEPLOY / "nginx/veriscope.conf").read_text().replace("/etc/nginx/tls", str(tmp_path))
    text = re.sub(r"gateway-\d", "127.0.0.1", text).replace("443 ssl", "8443 ssl")
    (tmp_path / "veriscope.conf").write_text(text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ include {tmp_path}/veriscope.conf; }}")
    run(nginx, "-t", "-c", str(whole), "-p", str(tmp_path))


def test_compose_names_settings_and_commands_that_exist() -> None:
    services = _yaml("compose.yaml")["services"]
    given = services["gateway"]["environment"]
    settings = [name for name in given if name.startswith(ENV_PREFIX)]
    assert len(settings) > 5
    assert {name.removeprefix(ENV_PREFIX).lower() for name in settings} <= set(Settings.model_fields)
    assert services["worker"]["command"] == ["veriscope", "worker"]
    assert {"serve", "worker"} <= set(main.commands)
    for name, service in services.items():
        needed = service.get("depends_on", [])
        assert set(needed) <= set(services), name
    volumes = {v.split(":")[0] for s in services.values() for v in s.get("volumes", []) if v[0] not in "./"}
    assert volumes <= set(_yaml("compose.yaml")["volumes"])


@pytest.mark.parametrize("unit", ["veriscope.service", "veriscope-worker@.service"])
def test_units_start_commands_that_exist(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / unit).read_text()
    found = re.search(r"ExecStart=/opt/veriscope/bin/veriscope (\w+) (.*)", text)
    assert found is not None
    command = main.commands[found.group(1)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", found.group(2))) <= known
    if shutil.which("systemd-analyze") is None:
        return
    target = tmp_path / unit
    target.write_text(text.replace("/opt/veriscope/bin/veriscope", "/bin/true"))
    run("systemd-analyze", "verify", "--man=no", str(target))


def test_alertmanager_sends_everything_to_somebody() -> None:
    found = _yaml("alertmanager/alertmanager.yml")
    receivers = {receiver["name"] for receiver in found["receivers"]}
    assert {found["route"]["receiver"], *(r["receiver"] for r in found["route"]["routes"])} == receivers
    if (amtool := shutil.which("amtool")) is not None:
        run(amtool, "check-config", str(DEPLOY / "alertmanager/alertmanager.yml"))


def _yaml(name: str) -> Any:
    path = DEPLOY / name
    if not path.is_file():
        absent(f"{path} is missing")
    return yaml.safe_load(path.read_text())
