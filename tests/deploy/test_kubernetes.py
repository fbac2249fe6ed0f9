"""deploy/kubernetes: what Kubernetes' schemas allow, and what ours is to be.

Kustomizations are read here as far as ours go (resources, labels, generated ConfigMaps), and built where there is a
kubectl.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from portal.environment import Environment
from portal.postgresql.base import ENOUGH
from tests.deploy.declared import BASE_DIR, DEPLOY, WEB, commands, image_user, is_known, release_commands

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATIONS = sorted(FOLDER.glob("*/kustomization.yaml"))
FILES = sorted(set(FOLDER.glob("*/*.yaml")) - set(KUSTOMIZATIONS))
# The oldest and the newest of the three releases that Kubernetes supports.
VERSIONS = ("1.35", "1.37")


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def kinds(kind: str) -> dict[str, dict[str, Any]]:
    found = [document for path in FILES for document in documents(path) if document["kind"] == kind]
    return {document["metadata"]["name"].removeprefix("onramp-"): document for document in found}


DEPLOYMENTS = kinds("Deployment")
JOBS = kinds("Job")
PODS = {name: row["spec"]["template"]["spec"] for name, row in (DEPLOYMENTS | JOBS).items()}
CONTAINERS = {
    f"{name}/{container['name']}": container
    for name, pod in PODS.items()
    for container in [*pod.get("initContainers", []), *pod["containers"]]
}

each_deployment = pytest.mark.parametrize("name", DEPLOYMENTS)
each_pod = pytest.mark.parametrize("name", PODS)
each_container = pytest.mark.parametrize("name", CONTAINERS)


def main(name: str) -> dict[str, Any]:
    container: dict[str, Any] = PODS[name]["containers"][0]
    return container


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_kubernetes_takes_it(path: Path, version: str) -> None:
    for document in documents(path):
        validate(document, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kustomizations are built where there is a kubectl")
def test_kustomize_builds_the_example_and_kubernetes_takes_it() -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER / "example"], capture_output=True, text=True, check=True)
    made = list(yaml.safe_load_all(built.stdout))
    for document in made:
        validate(document, VERSIONS[-1], strict=True)
    assert {row["metadata"]["namespace"] for row in made if row["kind"] != "Namespace"} == {"onramp"}
    images = {container["image"] for row in made for container in _containers(row)}
    assert images == {"registry.example.com/onramp:1"}


def _containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def test_kustomizations_name_every_file_and_no_other() -> None:
    for path in KUSTOMIZATIONS:
        named = documents(path)[0]["resources"]
        assert [name for name in named if not (path.parent / name).exists()] == []
        files = {name for name in named if name.endswith(".yaml")}
        assert files == {file.name for file in path.parent.glob("*.yaml")} - {path.name}


def test_every_process_is_deployed_with_its_command() -> None:
    assert set(DEPLOYMENTS) == {WEB, *commands()}
    assert "command" not in main(WEB)
    assert {name: main(name)["command"] for name in commands()} == commands()
    assert main("migrate")["command"][-1].split(" && ") == release_commands()


@each_pod
def test_nobody_is_root(name: str) -> None:
    security = PODS[name]["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, image_user())
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert PODS[name]["automountServiceAccountToken"] is False


@each_container
def test_nothing_is_to_be_gained(name: str) -> None:
    assert CONTAINERS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@each_container
def test_what_must_be_written_is_in_a_folder_for_it(name: str) -> None:
    pod = PODS[name.partition("/")[0]]
    folders = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"]}
    mounted = {mount["mountPath"]: mount["name"] for mount in CONTAINERS[name]["volumeMounts"]}
    assert set(mounted) == {"/tmp", literals()["ONRAMP_HOME"]}
    assert set(mounted.values()) == set(folders)


@each_container
def test_every_container_asks_for_what_it_needs(name: str) -> None:
    resources = CONTAINERS[name]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    # No limit on CPU: it would slow a process down while the machine is idle.
    assert set(resources["limits"]) == {"memory"}


@each_deployment
def test_every_deployment_is_watched_and_survives_a_drain(name: str) -> None:
    assert "livenessProbe" in main(name)
    budget = kinds("PodDisruptionBudget")[name]["spec"]
    # A minimum of one would never let go of the only one.
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == DEPLOYMENTS[name]["spec"]["selector"]


@each_deployment
def test_a_deployment_is_selected_by_its_own_label(name: str) -> None:
    labels = {"app.kubernetes.io/name": f"onramp-{name}"}
    assert DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"] == labels
    assert DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"] == labels


def test_pages_are_asked_under_a_name_that_is_allowed() -> None:
    paths = {}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = main(WEB)[kind]["httpGet"]
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
        paths[kind] = asked["path"]
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def test_a_slow_database_restarts_nothing() -> None:
    """Probes share their threads with pages, and a restarted process asks the same database."""
    probe = main(WEB)["livenessProbe"]
    patience = (probe["failureThreshold"] - 1) * probe["periodSeconds"] + probe["timeoutSeconds"]
    assert patience > 2 * ENOUGH


def test_the_docs_run_commands_where_something_is_deployed() -> None:
    """And what asks AWS where the portal's role is."""
    pages = [page.read_text(encoding="utf-8") for page in (BASE_DIR / "docs").glob("*.md")]
    targets = {name for page in pages for name in re.findall(r"deploy/onramp-(\w+)", page)}
    assert {"web", "worker", "costs"} <= targets <= set(DEPLOYMENTS)
    runbook = (BASE_DIR / "docs/runbook.md").read_text(encoding="utf-8")
    where = dict(re.findall(r"manage\.py (verify|fetch_billed|ingest_usage)[^`]*` \(in `(\w+)`\)", runbook))
    assert where == {"verify": "worker", "fetch_billed": "costs", "ingest_usage": "costs"}
    assert {PODS[name]["serviceAccountName"] for name in where.values()} == {"onramp-worker"}


def test_the_docs_have_the_same_table_of_deployments() -> None:
    page = (BASE_DIR / "docs/deployment.md").read_text(encoding="utf-8")
    found = re.search(r"^\| \| web \|.*?(?=\n\n)", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    rows = {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}
    replicas = {name: int(text[0]) for name, text in rows["replicas"].items()}
    assert replicas == {name: row["spec"]["replicas"] for name, row in DEPLOYMENTS.items()}
    # As the next test has it of all of them.
    assert set(rows["on an upgrade"].values()) == {"a new one is ready before an old one goes", "the same"}
    assert "-mmin -2" in main("beat")["livenessProbe"]["exec"]["command"][-1]
    assert "two minutes" in rows["is it alive"]["beat"]
    for name, text in rows["time to end"].items():
        if not text.startswith("the same"):
            assert text.startswith(f"{PODS[name]['terminationGracePeriodSeconds']} s")


def test_an_upgrade_takes_nothing_away_before_its_successor_is_ready() -> None:
    for name in DEPLOYMENTS:
        strategy = DEPLOYMENTS[name]["spec"]["strategy"]
        assert (strategy["type"], strategy["rollingUpdate"]["maxUnavailable"]) == ("RollingUpdate", 0)


def test_there_is_time_to_end_well() -> None:
    from django.conf import settings

    pause = int(main(WEB)["lifecycle"]["preStop"]["exec"]["command"][1])
    graceful = 30  # gunicorn's default, which the image keeps
    assert PODS[WEB]["terminationGracePeriodSeconds"] > pause + graceful
    for name, command in commands().items():
        if "worker" in command:
            assert {"name": "REMAP_SIGTERM", "value": "SIGQUIT"} in main(name)["env"]
            assert PODS[name]["terminationGracePeriodSeconds"] > settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def test_whatever_runs_the_code_waits_for_its_migrations() -> None:
    for name in DEPLOYMENTS:
        first = PODS[name]["initContainers"][0]
        assert "manage.py migrate --check" in first["command"][-1]


# --- What goes in


def literals() -> dict[str, str]:
    rows = [
        literal
        for path in KUSTOMIZATIONS
        for generator in documents(path)[0].get("configMapGenerator", [])
        for literal in generator["literals"]
    ]
    return dict(row.split("=", 1) for row in rows)


def test_every_setting_exists_and_none_is_a_secret() -> None:
    assert {name for name in literals() if not is_known(name)} == set()
    secret = {
        f"ONRAMP_{name.upper()}" for name in Environment.model_fields if f"{name}_file" in Environment.model_fields
    }
    assert secret
    assert not (secret | {"DATABASE_URL", "REDIS_URL"}) & set(literals())


def test_every_setting_makes_the_settings_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the example has them: the portal starts from them."""
    for name, value in literals().items():
        monkeypatch.setenv(name, value)
    environment = Environment()
    assert (environment.host, environment.is_https, environment.trusted_proxies) == ("onramp.example.com", True, 1)


def test_prometheus_finds_every_pod_that_counts_and_shows_the_token() -> None:
    ports = {port["name"] for container in CONTAINERS.values() for port in container.get("ports", [])}
    (monitor,) = documents(DEPLOY / "monitoring/pod-monitor.yaml")
    asked = monitor["spec"]["podMetricsEndpoints"]
    assert sorted(endpoint["port"] for endpoint in asked) == sorted(ports)
    token = {"name": "onramp-secrets", "key": "ONRAMP_METRICS_TOKEN"}
    assert [endpoint["authorization"]["credentials"] for endpoint in asked] == [token] * len(asked)
    labels = documents(FOLDER / "base/kustomization.yaml")[0]["labels"][0]["pairs"]
    assert monitor["spec"]["selector"]["matchLabels"] == labels
    assert monitor["metadata"]["namespace"] == documents(FOLDER / "example/kustomization.yaml")[0]["namespace"]

    page = (BASE_DIR / "docs/observability.md").read_text(encoding="utf-8")
    configs = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    (without,) = [job for found in configs for job in found["scrape_configs"] if "kubernetes_sd_configs" in job]
    assert {name for rule in without["relabel_configs"] for name in rule.get("regex", "").split("|")} >= ports

    # Who makes the Secret is told of the token.
    told = [FOLDER / "example/kustomization.yaml", BASE_DIR / "docs/deployment.md"]
    assert [path for path in told if token["key"] not in path.read_text(encoding="utf-8")] == []


@each_container
def test_settings_and_secrets_reach_every_container(name: str) -> None:
    shared = [{"configMapRef": {"name": "onramp-settings"}}, {"secretRef": {"name": "onramp-secrets"}}]
    # The last one counts: migrations may be those of the schema's owner, whom no other container knows.
    owner = [{"secretRef": {"name": "onramp-migration-secrets", "optional": True}}]
    assert CONTAINERS[name]["envFrom"] == shared + (owner if name == "migrate/migrate" else [])
    assert {row["name"] for row in CONTAINERS[name].get("env", []) if not is_known(row["name"])} == set()


def test_no_secret_stands_in_a_file() -> None:
    assert kinds("Secret") == {}


# --- Who reaches what


def test_only_workers_carry_the_role() -> None:
    workers = {name for name, command in commands().items() if "worker" in command}
    accounts = {name: pod["serviceAccountName"] for name, pod in PODS.items()}
    assert {name for name, account in accounts.items() if account == "onramp-worker"} == workers


def test_the_service_reaches_the_pages() -> None:
    service = kinds("Service")[WEB]["spec"]
    assert service["selector"] == DEPLOYMENTS[WEB]["spec"]["selector"]["matchLabels"]
    assert [port["targetPort"] for port in service["ports"]] == [port["name"] for port in main(WEB)["ports"]]
    rule = kinds("Ingress")["onramp"]["spec"]["rules"][0]
    assert rule["host"] == literals()["ONRAMP_PUBLIC_URL"].removeprefix("https://")
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "onramp-web", "port": {"name": "http"}}


def test_the_ingress_lets_in_whatever_the_portal_takes() -> None:
    from django.conf import settings

    limit = kinds("Ingress")["onramp"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert int(limit.removesuffix("m")) * 1_048_576 >= settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_what_no_policy_names_is_closed() -> None:
    policies = kinds("NetworkPolicy")
    default = policies["default"]["spec"]
    assert set(default["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in default
    # The label that the base gives to every pod.
    given = documents(FOLDER / "base/kustomization.yaml")[0]["labels"][0]
    assert default["podSelector"]["matchLabels"] == given["pairs"]
    assert given["includeTemplates"] is True
    assert {name for name, policy in policies.items() if "ingress" in policy["spec"]} == {WEB, "metrics"}


def test_traces_reach_a_collector_where_the_settings_say_it_may_be() -> None:
    described = Environment.model_fields["otlp_endpoint"].description or ""
    (port,) = re.findall(r"http://collector:(\d+)", described)
    policy = kinds("NetworkPolicy")["traces"]["spec"]
    assert policy["egress"][0]["ports"] == [{"protocol": "TCP", "port": int(port)}]
    chosen = policy["podSelector"]["matchExpressions"][0]["values"]
    assert set(chosen) == {f"onramp-{name}" for name in DEPLOYMENTS if name != "beat"}


def test_the_docs_say_which_ports_are_open_and_which_settings_need_another() -> None:
    page = (BASE_DIR / "docs/deployment.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^Network policies .*?(?=\n\n)", page, re.MULTILINE | re.DOTALL)
    rules = [rule for policy in kinds("NetworkPolicy").values() for rule in policy["spec"].get("egress", [])]
    opened = {port["port"] for rule in rules for port in rule["ports"]}
    # The cluster's DNS, the agent of EKS, and a collector that the overlay names.
    assert opened - {53, 80, 4318} == {int(port) for port in re.findall(r"\bport (\d+)", told)}
    assert {"ONRAMP_OIDC_ISSUER", "ONRAMP_SMTP_PORT", "ONRAMP_SMTP_TLS=off"} <= set(
        re.findall(r"`([A-Z_=a-z]+)`", told)
    )


def test_the_metadata_of_the_machine_stays_out_of_reach() -> None:
    """Whoever could ask it would have the machine's role, not the portal's. Only port 443 is open to everywhere."""
    for policy in kinds("NetworkPolicy").values():
        for rule in policy["spec"].get("egress", []):
            ports = {port["port"] for port in rule["ports"]}
            if not rule.get("to"):
                assert ports <= {443, 465, 587}
            else:
                blocks = [to["ipBlock"]["cidr"] for to in rule["to"] if "ipBlock" in to]
                assert not [block for block in blocks if re.match(r"169\.254\.169\.254|0\.0\.0\.0", block)]
