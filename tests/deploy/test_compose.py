"""deploy/compose.yaml: what the specification allows, and what ours is to be."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.declared import DEPLOY, WEB, commands, image_user, is_known, release_commands

TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
STORES = {"postgres", "redis"}
ONCE = "migrate"
EXAMPLE = (DEPLOY / "compose.env.example").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY.parent / "Dockerfile").read_text(encoding="utf-8")
SCHEMA = json.loads((DEPLOY.parent / "tests/deploy/compose-spec.json").read_text(encoding="utf-8"))

each_service = pytest.mark.parametrize("name", SERVICES)


def test_it_is_a_compose_file() -> None:
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(FILE)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_every_process_has_a_service_with_its_command() -> None:
    assert set(SERVICES) == {WEB, ONCE, *commands()} | STORES
    assert "command" not in SERVICES[WEB]
    assert {name: SERVICES[name]["command"] for name in commands()} == commands()
    assert SERVICES[ONCE]["command"][-1].split(" && ") == release_commands()
    # Settings that do not work together end a release before it has changed anything.
    assert release_commands()[0] == "python manage.py check --deploy"


def test_the_docs_have_the_same_commands() -> None:
    page = (DEPLOY.parent / "docs/operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| `(celery [^`]+)` \|", page, re.MULTILINE))
    assert {name: shlex.split(command) for name, command in rows.items()} == commands()


def test_the_docs_name_services_that_are_there() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (DEPLOY.parent / "docs").glob("*.md")]
    named = [
        row
        for page in pages
        for row in re.findall(
            r"compose\.yaml (?:exec(?: -T)?|stop) ([a-z ]+?)(?= python| pg| drop| create|\n|`)", page
        )
    ]
    assert len(named) > 5
    assert {name for row in named for name in row.split()} <= set(SERVICES)


def test_workers_shut_down_softly() -> None:
    workers = [name for name, command in commands().items() if "worker" in command]
    assert {SERVICES[name]["environment"].get("REMAP_SIGTERM") for name in workers} == {"SIGQUIT"}


@each_service
def test_nobody_is_root_and_nothing_is_to_be_gained(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == (name if name in STORES else str(image_user()))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(service)


@each_service
def test_every_service_has_limits_and_comes_back(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert SERVICES[name]["restart"] == ("on-failure:5" if name == ONCE else "unless-stopped")
    assert SERVICES[name]["logging"]["options"]["max-size"]


@each_service
def test_every_service_that_stays_says_how_it_is(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) == (name != ONCE)


def test_everything_waits_for_the_migrations_and_they_for_the_database() -> None:
    waiting = set(SERVICES) - STORES - {ONCE}
    done = {SERVICES[name]["depends_on"][ONCE]["condition"] for name in waiting}
    assert done == {"service_completed_successfully"}
    assert SERVICES[ONCE]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_stores_are_reached_from_inside_alone() -> None:
    for name in STORES:
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert FILE["networks"]["inside"] == {"internal": True}


def test_everything_that_counts_is_scraped_from_this_machine_alone() -> None:
    """Each container has a folder of its own to count in, so that what a worker counted no web process can tell."""
    workers = [name for name, command in commands().items() if "worker" in command]
    published = [SERVICES[name]["ports"] for name in (WEB, *workers)]
    assert [len(ports) for ports in published] == [1, 1, 1]
    assert all(ports[0].startswith("127.0.0.1:") for ports in published)
    for name in workers:
        assert SERVICES[name]["ports"][0].endswith(f":{SERVICES[name]['environment']['ONRAMP_METRICS_PORT']}")
    page = (DEPLOY.parent / "docs/observability.md").read_text(encoding="utf-8")
    (targets,) = re.findall(r"static_configs: \[\{targets: \[(.*)\]\}\]", page)
    outside = [
        ports[0].removeprefix("127.0.0.1:").replace("${PORT:-8000}", "8000").split(":")[0] for ports in published
    ]
    assert re.findall(r'"localhost:(\d+)"', targets) == outside
    assert "\nONRAMP_METRICS_TOKEN=\n" in EXAMPLE


def test_what_is_stored_is_on_a_volume_and_redis_appends() -> None:
    for name in STORES:
        volume, folder = SERVICES[name]["volumes"][0].split(":")
        assert volume in FILE["volumes"]
        assert folder == {"postgres": "/var/lib/postgresql", "redis": "/data"}[name]
    assert "--appendonly yes" in SERVICES["redis"]["command"][-1]


def written(name: str) -> dict[str, str]:
    """Folders that a service may write, and what each is: a tmpfs, or the name of a volume."""
    folders = {mount.partition(":")[0]: "tmpfs" for mount in SERVICES[name].get("tmpfs", [])}
    for mount in SERVICES[name].get("volumes", []):
        volume, folder = mount.split(":")
        assert folder not in folders
        folders[folder] = volume
    return folders


@pytest.mark.parametrize("name", sorted(set(SERVICES) - STORES))
def test_what_the_portal_must_write_is_in_a_folder_for_it(name: str) -> None:
    (home,) = re.findall(r"ONRAMP_HOME=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert set(written(name)) == {"/tmp", home}


def test_files_of_a_cost_report_find_room_that_is_no_memory() -> None:
    """A Parquet file is read from its end, so whole; a tmpfs would be of the container's memory."""
    volume = written("costs")["/tmp"]
    assert volume in FILE["volumes"]
    # It is nobody else's, and is made from the image's /tmp, with its mode: whoever runs there may write.
    assert [name for name in SERVICES if volume in written(name).values()] == ["costs"]
    assert re.findall(r"^(?:RUN|COPY|ADD|VOLUME)\b.*\s/tmp\b", DOCKERFILE, re.MULTILINE) == []


def test_redis_is_full_before_it_is_killed() -> None:
    """What it holds doubles at worst while its file is written anew."""
    command = SERVICES["redis"]["command"][-1]
    found = re.search(r"--maxmemory (\d+)mb", command)
    assert found is not None
    assert int(found[1]) <= int(SERVICES["redis"]["deploy"]["resources"]["limits"]["memory"].removesuffix("M")) / 2
    assert "--maxmemory-policy noeviction" in command


def test_every_image_can_be_named_by_its_digest() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"$PYTHON_IMAGE"}
    (python,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert SERVICES[WEB]["build"]["args"] == {"PYTHON_IMAGE": f"${{PYTHON_IMAGE:-{python}}}"}
    for name in STORES:
        assert SERVICES[name]["image"].startswith(f"${{{name.upper()}_IMAGE:-{name}:")
    page = (DEPLOY.parent / "docs/hardening.md").read_text(encoding="utf-8")
    assert f"`{python}`" in page
    assert set(re.findall(r"`(\w+_IMAGE)`", page)) == {"PYTHON_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE"}


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|AUTH|_URL", name):
                assert re.search(r"\$\{[A-Z_]+:\?\}", value), name


def test_every_variable_is_known_and_whatever_is_wanted_is_in_the_example() -> None:
    offered = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
    wanted = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    portals = {name for service in SERVICES if service not in STORES for name in SERVICES[service]["environment"]}
    assert wanted <= offered
    assert {name for name in (offered - wanted) | portals if not is_known(name)} == set()


def test_what_stands_in_env_is_not_overruled() -> None:
    """`environment` wins over the file `.env`, but for what it takes from there."""
    offered = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
    said = {name: value for service in SERVICES.values() for name, value in service["environment"].items()}
    fixed = {name for name in offered & set(said) if f"${{{name}" not in said[name]}
    assert fixed == set()
    # Of a chain of proxies the operator knows the length.
    assert said["ONRAMP_TRUSTED_PROXIES"] == "${ONRAMP_TRUSTED_PROXIES:-1}"


def test_the_example_holds_no_secret() -> None:
    values = dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert {name: value for name, value in values.items() if re.search(r"PASSWORD|SECRET|TOKEN", name) and value} == {}
