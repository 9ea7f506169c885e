"""The chart, rendered by Helm itself and held against the schemas of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from veriscope.config import Settings, load
from veriscope.inference.nodes import Nodes
from veriscope.types import Queue

helm = pytest.importorskip("helm_python", reason="the charts extra (helm-python-sdk) is not installed")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the charts extra is not installed")

CHART = Path(__file__).resolve().parents[2] / "deploy/helm/veriscope"
VERSIONS = ("1.29", "1.34")
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "ingress": {"ingress": {"enabled": True}},
    "no Triton, no KEDA": {"triton": {"enabled": False}, "keda": {"enabled": False}},
    "Triton on the CPU": {"triton": {"gpus": 0, "nodeSelector": {}, "tolerations": []}},
    "closed network": {
        "networkPolicy": {"fetch": False, "state": {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [5432]}}
    },
    "no policies": {
        "networkPolicy": {"enabled": False},
        "nodeSelector": {"a": "b"},
        "imagePullSecrets": [{"name": "x"}],
    },
}
Object = dict[str, Any]
Rendered = Callable[..., list[Object]]


@pytest.fixture(scope="module")
def rendered() -> Iterator[Rendered]:
    with helm.Chart.load(str(CHART)) as chart:

        def render(values: Object | None = None) -> list[Object]:
            found = chart.render(values or {}, name="v", namespace="media")
            return [
                made
                for name, text in sorted(found.items())
                if name.endswith(".yaml")
                for made in yaml.safe_load_all(text)
                if made
            ]

        yield render


def of(objects: list[Object], kind: str) -> dict[str, Object]:
    return {made["metadata"]["name"]: made for made in objects if made["kind"] == kind}


def pods(objects: list[Object]) -> dict[str, Object]:
    return {
        made["metadata"]["name"]: made["spec"]["template"]
        for made in objects
        if made["kind"] in {"Deployment", "StatefulSet"}
    }


def test_helm_finds_nothing_to_complain_of() -> None:
    found = helm.lint(str(CHART), strict=True)
    assert found["errors"] == []
    assert [message for message in found["messages"] if message["severity"] > 1] == []  # 1: "icon is recommended"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_kubernetes_expects(rendered: Rendered, variant: str, version: str) -> None:
    objects = rendered(VARIANTS[variant])
    assert len(objects) > 10
    for made in objects:
        if made["apiVersion"].startswith("keda.sh/"):
            continue  # KEDA brings its own definition; see below
        kubernetes_validate.validate(made, version, strict=True)
    names = [(made["kind"], made["metadata"]["name"]) for made in objects]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_runs_as_root_or_writes_to_its_image(rendered: Rendered, variant: str) -> None:
    for name, pod in pods(rendered(VARIANTS[variant])).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["automountServiceAccountToken"] is False, name
        volumes = {volume["name"] for volume in spec["volumes"]}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_every_queue_has_its_workers_and_they_grow_with_it(rendered: Rendered) -> None:
    objects = rendered()
    scaled = of(objects, "ScaledObject")
    served: set[str] = set()
    for name, pod in pods(objects).items():
        if "-worker-" not in name:
            continue
        args = pod["spec"]["containers"][0]["args"]
        queues = args[args.index("--queues") + 1].split(",")
        served |= set(queues)
        spec = scaled.pop(name)["spec"]
        assert spec["scaleTargetRef"] == {"name": name}
        trigger = spec["triggers"][0]
        assert trigger["type"] == "prometheus"
        asked = re.search(
            r'veriscope_queue_depth\{namespace="media", queue=~"([a-z|]+)"\}', trigger["metadata"]["query"]
        )
        assert asked is not None
        assert asked[1].split("|") == queues
        assert int(trigger["metadata"]["threshold"]) > 0
    assert served == {str(queue) for queue in Queue}
    assert scaled == {}


def test_gateways_are_probed_scaled_and_never_all_away(rendered: Rendered) -> None:
    objects = rendered()
    gateway = pods(objects)["v-gateway"]["spec"]["containers"][0]
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert "/health/ready" in gateway["readinessProbe"]["exec"]["command"][2]
    compile(gateway["readinessProbe"]["exec"]["command"][2], "probe", "exec")
    scaler = of(objects, "HorizontalPodAutoscaler")["v-gateway"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "v-gateway"
    assert scaler["metrics"][0]["resource"]["name"] == "cpu"
    assert scaler["minReplicas"] >= 2
    budgets = of(objects, "PodDisruptionBudget")
    assert budgets.keys() == pods(objects).keys()


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_selectors_find_pods(rendered: Rendered, kind: str) -> None:
    objects = rendered()
    labels = [pod["metadata"]["labels"] for pod in pods(objects).values()]
    for name, made in of(objects, kind).items():
        spec = made["spec"]
        wanted = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
        wanted = wanted.get("matchLabels", {} if kind == "NetworkPolicy" else wanted)
        assert any(wanted.items() <= given.items() for given in labels), f"{kind} {name} selects nothing"


def test_tritons_are_named_one_by_one_on_nodes_with_gpus(rendered: Rendered, tmp_path: Path) -> None:
    objects = rendered({"triton": {"replicas": 3}})
    triton = of(objects, "StatefulSet")["v-triton"]["spec"]
    assert triton["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert triton["template"]["spec"]["nodeSelector"]
    config = of(objects, "ConfigMap")
    (tmp_path / "nodes.yaml").write_text(config["v-nodes"]["data"]["nodes.yaml"])
    nodes = Nodes(f"@{tmp_path / 'nodes.yaml'}")
    assert [node.url for node in nodes.all] == [f"v-triton-{i}.v-triton.media.svc:8001" for i in range(3)]
    mounted = pods(objects)["v-gateway"]["spec"]["containers"][0]["volumeMounts"]
    where = next(mount["mountPath"] for mount in mounted if mount["name"] == "nodes")
    assert config["v"]["data"]["VERISCOPE_TRITON_URLS"] == f"@{where}/nodes.yaml"


def test_the_settings_are_ones_that_exist(rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    given = of(rendered(), "ConfigMap")["v"]["data"]
    monkeypatch.setenv("VERISCOPE_TOKENS", "a-token-for-the-test")
    for name, value in given.items():
        assert name.removeprefix("VERISCOPE_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    assert load().host == "0.0.0.0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"tokens": "secrets do not belong here"}},
        {"workers": {"fast": {"queues": ["quick"], "replicas": {"min": 1, "max": 2}, "waiting": 1}}},
        {"gateway": {"replica": 3}},
        {"triton": {"replicas": 0}},
        {"secret": ""},
    ],
)
def test_wrong_values_are_refused(rendered: Rendered, wrong: Object) -> None:
    with pytest.raises(helm.HelmError):
        rendered(wrong)
