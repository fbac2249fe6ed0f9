"""Provisioning: what directories send, in their own habits, and what it means for people, teams and sessions."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.enums import Role
from onboarding.masking import MASK, mask
from onboarding.models import AuditEvent, Person, ProvisionedGroup, ProvisionedUser, ProvisioningToken, Team, User
from onboarding.people import Claims, deactivate, sync_from_claims
from onboarding.provisioning import issue_token
from tests.factories import make_person, make_team, make_user
from tests.web.cost_pages import signed_in

ROOT = "/scim/v2"
ANA = "ana.nunez@acme.example"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

pytestmark = pytest.mark.django_db


class Directory:
    """A directory that provisions, with a token of its own."""

    def __init__(self, token: str = "") -> None:
        self.token = token or issue_token(actor="tests")

    def send(self, method: str, path: str, told: object = None, status: int = 200) -> Any:
        content = b"" if told is None else json.dumps(told).encode()
        return self.send_raw(method, path, content, status)

    def send_raw(self, method: str, path: str, content: bytes, status: int) -> Any:
        response = Client(enforce_csrf_checks=True).generic(
            method,
            f"{ROOT}{path}",
            content,
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert response.status_code == status, response.content
        if not response.content:
            return None
        assert response["Content-Type"] == "application/scim+json"
        return response.json()

    def hire(self, email: str = ANA, **fields: Any) -> str:
        user: dict[str, Any] = {
            "schemas": [USER],
            "userName": email,
            "displayName": "Ana Núñez",
            "emails": [{"value": email, "primary": True}],
            "active": True,
        }
        return str(self.send("POST", "/Users", {**user, **fields}, 201)["id"])

    def patch(self, path: str, *operations: dict[str, Any], status: int = 0) -> Any:
        status = status or (204 if path.startswith("/Groups") else 200)
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)}, status)

    def group(self, name: str, *members: str, **fields: Any) -> str:
        told = {"schemas": [GROUP], "displayName": name, "members": [{"value": pk} for pk in members]}
        return str(self.send("POST", "/Groups", {**told, **fields}, 201)["id"])

    def find(self, path: str, wanted: str) -> list[str]:
        response = Client().get(f"{ROOT}{path}", {"filter": wanted}, headers={"Authorization": f"Bearer {self.token}"})
        assert response.status_code == 200, response.content
        return [each["id"] for each in response.json()["Resources"]] if response.json()["totalResults"] else []


@pytest.fixture
def directory() -> Directory:
    return Directory()


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[1:]  # after the token's


# --- Who may


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic {}", "Bearer {}x", "Bearer é\0"])
@pytest.mark.parametrize("path", ["/Users", "/Groups", "/ServiceProviderConfig", "/nothing", ""])
def test_nobody_provisions_without_a_token(directory: Directory, path: str, header: str) -> None:
    response = Client().post(
        f"{ROOT}{path or '/'}", "{}", "application/json", headers={"Authorization": header.format(directory.token)}
    )

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["status"] == "401"
    assert not ProvisionedUser.objects.exists()


def test_a_session_provisions_nothing(directory: Directory) -> None:
    assert signed_in(make_person(role=Role.ADMIN)).get(f"{ROOT}/Users").status_code == 401


def test_a_token_is_printed_once_and_two_hold_at_a_time() -> None:
    tokens = [_command() for _ in range(3)]

    assert all(token.startswith("onramp_scim_") for token in tokens)
    Directory(tokens[1]).send("GET", "/Users")
    Directory(tokens[2]).send("GET", "/Users")
    Directory(tokens[0]).send("GET", "/Users", status=401)
    assert ProvisioningToken.objects.exclude(last_used_at=None).count() == 2
    assert not set(tokens) & set(ProvisioningToken.objects.values_list("digest", flat=True))
    assert mask(f"token: {tokens[0]}") == f"token: {MASK}"
    assert not any(token in str(AuditEvent.objects.values()) for token in tokens)


def test_a_token_ends_when_an_operator_says_so() -> None:
    first, second = _command(), _command("--end-others")
    Directory(first).send("GET", "/Users", status=401)
    Directory(second).send("GET", "/Users")

    assert _command("--end-all") == "1 ended."
    Directory(second).send("GET", "/Users", status=401)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "scim-token.issued",
        "scim-token.issued",
        "scim-token.ended",
    ]
    assert _command("--end-all") == "0 ended."


def _command(*arguments: str) -> str:
    out = StringIO()
    call_command("scim_token", *arguments, stdout=out)
    return out.getvalue().strip()


# --- Users


def test_a_user_becomes_a_person(directory: Directory) -> None:
    pk = directory.hire()

    person = Person.objects.get()
    assert (person.email, person.name, person.is_active, person.user) == (ANA, "Ana Núñez", True, None)
    assert ProvisionedUser.objects.get(pk=pk).person == person
    assert actions() == ["person.created", "directory-user.created"]
    assert set(AuditEvent.objects.exclude(actor="tests").values_list("actor", flat=True)) == {"provisioning"}
    told = directory.send("GET", f"/Users/{pk}")
    assert told["meta"]["location"] == f"http://localhost:8000{ROOT}/Users/{pk}"


def test_a_user_is_the_person_who_signed_in_with_that_email(directory: Directory) -> None:
    named, ana = make_person("ANA.nunez@acme.example", user=None), make_person()

    directory.hire()

    assert ProvisionedUser.objects.get().person == ana
    assert not hasattr(named, "provisioned")


def test_somebody_provisioned_signs_in_as_that_person(directory: Directory) -> None:
    directory.hire()

    person = sync_from_claims(user=make_user(), claims=_claims())

    assert Person.objects.get() == person


def test_only_what_is_needed_is_kept(directory: Directory) -> None:
    enterprise: dict[str, Any] = {ENTERPRISE: {"employeeNumber": "12", "manager": {"value": "x"}}}
    pk = directory.hire(
        schemas=[USER, ENTERPRISE],
        password="hunter2",
        title="Engineer",
        phoneNumbers=[{"value": "+34 600 000 000"}],
        **enterprise,
    )

    kept = json.dumps(ProvisionedUser.objects.get().document) + json.dumps(directory.send("GET", f"/Users/{pk}"))
    assert not any(word in kept for word in ("hunter2", "Engineer", "600", "employeeNumber", "manager"))


def test_a_user_without_an_email_is_nobody_until_it_has_one(directory: Directory) -> None:
    pk = directory.hire("ananunez", emails=[])
    assert not Person.objects.exists()

    directory.patch(f"/Users/{pk}", {"op": "add", "path": "emails", "value": [{"value": ANA, "primary": True}]})

    assert Person.objects.get().email == ANA


def test_the_primary_email_counts_and_the_user_name_where_there_is_none(directory: Directory) -> None:
    directory.hire("a", emails=[{"value": "home@acme.example"}, {"value": ANA, "primary": True}])
    directory.hire("bo@acme.example", emails=[], displayName=None, name={"givenName": "Bo", "familyName": "Li"})

    assert list(Person.objects.order_by("pk").values_list("email", "name")) == [
        (ANA, "Ana Núñez"),
        ("bo@acme.example", "Bo Li"),
    ]


@pytest.mark.parametrize("fields", [{"userName": ANA.upper()}, {"userName": "other"}])
def test_a_user_name_or_an_email_twice_is_a_conflict(directory: Directory, fields: dict[str, str]) -> None:
    directory.hire()

    told = directory.send(
        "POST", "/Users", {"schemas": [USER], "emails": [{"value": ANA, "primary": True}], **fields}, 409
    )

    assert told["scimType"] == "uniqueness"
    assert Person.objects.count() == 1


# --- Leaving

ENTRA = {"op": "Replace", "path": "active", "value": "False"}
OKTA = {"op": "replace", "value": {"active": False}}


@pytest.mark.parametrize("operation", [ENTRA, OKTA, {"op": "replace", "path": "active", "value": False}])
def test_a_leaver_is_out_at_once(directory: Directory, operation: dict[str, Any]) -> None:
    ana = make_person(role=Role.ADMIN)
    assert ana.user is not None
    ana.user.is_staff = ana.user.is_superuser = True
    ana.user.save()
    pk = directory.hire()
    client = _signed_in_at_the_door(ana)
    assert client.get("/usage/").status_code == 200

    told = directory.patch(f"/Users/{pk}", operation)

    assert told["active"] is False
    ana.refresh_from_db()
    ana.user.refresh_from_db()
    assert (ana.is_active, ana.user.is_staff, ana.user.is_superuser) == (False, False, False)
    assert client.get("/usage/")["Location"].startswith("/?next=")
    assert actions()[-3:] == ["person.deactivated", "session.ended", "directory-user.changed"]


def _signed_in_at_the_door(person: Person) -> Client:
    """With a session that allauth knows of, as a sign-in leaves it."""
    from allauth.usersessions.models import UserSession

    client = signed_in(person)
    UserSession.objects.create(
        user=person.user, ip="127.0.0.1", session_key=client.session.session_key, user_agent="tests"
    )
    return client


def test_deleted_is_deactivated_and_a_person_with_a_history_stays(directory: Directory) -> None:
    pk = directory.hire()

    directory.send("DELETE", f"/Users/{pk}", status=204)

    assert Person.objects.get().is_active is False
    directory.send("GET", f"/Users/{pk}", status=404)
    directory.send("DELETE", f"/Users/{pk}", status=404)
    assert actions()[-2:] == ["person.deactivated", "directory-user.deleted"]


def test_who_comes_back_is_let_in_again(directory: Directory) -> None:
    pk = directory.hire()
    directory.patch(f"/Users/{pk}", ENTRA)
    directory.patch(f"/Users/{pk}", {"op": "Replace", "path": "active", "value": "True"})
    assert Person.objects.get().is_active is True
    directory.send("DELETE", f"/Users/{pk}", status=204)

    directory.hire()

    assert Person.objects.get().is_active is True
    assert actions().count("person.reactivated") == 2


def test_a_change_of_something_else_lets_nobody_in_whom_an_admin_put_out(directory: Directory) -> None:
    pk = directory.hire()
    Person.objects.update(is_active=False)

    directory.patch(f"/Users/{pk}", {"op": "replace", "path": "displayName", "value": "Ana N."})

    assert Person.objects.get().is_active is False


def test_turning_provisioning_on_lets_nobody_in_whom_an_admin_put_out(directory: Directory) -> None:
    deactivate(make_person(), actor=make_person("carla.soto@acme.example", role=Role.ADMIN), reason="Lost a laptop.")

    pk = directory.hire()
    directory.patch(f"/Users/{pk}", {"op": "replace", "path": "displayName", "value": "Ana N."})

    assert Person.objects.for_email(ANA).get().is_active is False


def test_somebody_hired_inactive_comes_back_as_a_new_user(directory: Directory) -> None:
    directory.send("DELETE", f"/Users/{directory.hire(active=False)}", status=204)

    directory.hire()

    assert Person.objects.get().is_active is True


def test_somebody_hired_inactive_is_no_active_person(directory: Directory) -> None:
    directory.hire(active=False)

    assert Person.objects.get().is_active is False


def test_sent_again_nothing_changes_and_nothing_is_written(directory: Directory) -> None:
    pk = directory.hire()
    group = directory.group("claude-platform", pk)
    told, before = directory.send("GET", f"/Users/{pk}"), actions()

    assert directory.send("PUT", f"/Users/{pk}", told) == told
    directory.patch(f"/Users/{pk}", {"op": "replace", "value": {"active": True}})
    directory.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": pk}]})

    assert directory.send("GET", f"/Users/{pk}") == told
    assert actions() == before


# --- The habits of directories


def test_entra_writes_dotted_names_and_paths_into_lists(directory: Directory) -> None:
    pk = directory.hire()

    directory.patch(
        f"/Users/{pk}",
        {"op": "Replace", "value": {"name.givenName": "Ana María", "displayName": "Ana M."}},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ana.m@acme.example"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "R&D"},
        {"op": "Replace", "path": "title", "value": "Lead"},
    )

    told = directory.send("GET", f"/Users/{pk}")
    assert told["name"]["givenName"] == "Ana María"
    assert {each["value"] for each in told["emails"]} == {ANA, "ana.m@acme.example"}
    assert Person.objects.get().name == "Ana M."


def test_users_are_found_as_directories_ask(directory: Directory) -> None:
    pk = directory.hire(externalId="00u1")
    directory.hire("bo@acme.example")

    for wanted in (
        f'userName eq "{ANA}"',
        f'userName Eq "{ANA.upper()}"',
        'externalId eq "00u1"',
        f'emails.value eq "{ANA}"',
        f'emails[type eq "work"].value eq "{ANA}"',
        f'userName eq "{ANA}" and externalId eq "00u1"',
        f'userName eq "nobody" or id eq "{pk}"',
    ):
        assert directory.find("/Users", wanted) == [pk], wanted
    for wanted in ('userName eq "no\\"body"', 'id eq "x"', 'externalId eq "00U1"', 'userName eq "x\' OR 1=1 --"'):
        assert directory.find("/Users", wanted) == [], wanted


@pytest.mark.parametrize(
    "wanted",
    ['userName sw "a"', "userName pr", 'not (userName eq "a")', "nonsense", 'title eq "x"', 'userName eq "%00"'],
)
def test_what_no_index_answers_is_refused(directory: Directory, wanted: str) -> None:
    from urllib.parse import quote

    quoted = wanted if "%00" in wanted else quote(wanted)
    told = directory.send("GET", f"/Users?filter={quoted.replace(' ', '%20')}", status=400)

    assert told["scimType"] == "invalidFilter"


def test_users_come_in_pages(directory: Directory) -> None:
    ids = [directory.hire(f"p{number}@acme.example") for number in range(3)]

    page = directory.send("GET", "/Users?startIndex=2&count=1")
    assert ([each["id"] for each in page["Resources"]], page["totalResults"]) == ([ids[1]], 3)
    assert directory.send("GET", "/Users?count=0")["totalResults"] == 3
    assert directory.send("GET", "/Users?startIndex=0")["startIndex"] == 1
    assert directory.send("GET", "/Users?count=100000")["itemsPerPage"] == 3
    for path in ("/Users", "/Groups"):
        assert directory.send("GET", f"{path}?startIndex={2**70}")["itemsPerPage"] == 0


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "kind"),
    [
        ("POST", "/Users", b"", 400, "invalidSyntax"),
        ("POST", "/Users", b"[]", 400, "invalidSyntax"),
        ("POST", "/Users", b"[" * 100_000, 400, "invalidSyntax"),
        ("POST", "/Users", b'{"schemas": ["%s"]}' % USER.encode(), 400, "invalidValue"),
        ("POST", "/Users", b'{"schemas": ["%s"], "userName": "a\\u0000"}' % USER.encode(), 400, "invalidValue"),
        ("POST", "/Users", b'{"schemas": ["%s"], "userName": "\\ud800"}' % USER.encode(), 400, "invalidValue"),
        (
            "POST",
            "/Users",
            b'{"schemas": ["%s"], "userName": "%s"}' % (USER.encode(), b"a" * 255),
            400,
            "invalidValue",
        ),
        ("POST", "/Users", b'{"schemas": ["%s"], "userName": 5}' % USER.encode(), 400, "invalidValue"),
        ("POST", "/Groups", b'{"schemas": ["%s"], "displayName": " "}' % GROUP.encode(), 400, "invalidValue"),
        (
            "POST",
            "/Users",
            f'{{"schemas": ["{USER}"], "userName": "a\\u0000"}}'.encode("utf-16"),
            400,
            "invalidSyntax",
        ),
        ("POST", "/Users", b"x" * 2_700_000, 413, None),
        ("DELETE", "/Users", b"", 405, None),
        ("POST", "/.search", b"{}", 501, None),
        ("GET", "/Users/not-a-uuid", b"", 404, None),
        ("GET", "/Schemas?filter=id%20eq%20%22x%22", b"", 403, None),
    ],
)
def test_what_does_not_fit_is_refused_in_the_standards_shape(
    directory: Directory, method: str, path: str, content: bytes, status: int, kind: str | None
) -> None:
    told = directory.send_raw(method, path, content, status)

    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (told["status"], told.get("scimType")) == (str(status), kind)
    assert not ProvisionedUser.objects.exists()


# --- Groups, teams and roles


@pytest.mark.parametrize("fields", [{}, {"displayName": "Platform people", "externalId": "claude-platform"}])
def test_a_team_follows_its_group_without_a_sign_in(directory: Directory, fields: dict[str, str]) -> None:
    team, pk = make_team(), directory.hire()

    group = directory.group(fields.pop("displayName", "claude-platform"), pk, **fields)
    assert Person.objects.get().team == team

    directory.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": [{"value": pk}]})
    assert Person.objects.get().team is None
    assert actions()[-2:] == ["directory-group.changed", "person.changed"]


def test_members_come_and_go_as_okta_says_it(directory: Directory) -> None:
    make_team()
    ana, bo = directory.hire(), directory.hire("bo@acme.example")
    group = directory.group("claude-platform")

    directory.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ana}, {"value": bo}]})
    assert directory.find("/Groups", f'members eq "{ana}" and id eq "{group}"') == [group]
    for name in ("claude-platform", "Claude-Platform"):
        assert directory.find("/Groups", f'displayName eq "{name}" or members eq "{ana}"') == [group]
    assert directory.find("/Groups", 'displayName eq "Claude-Platform"') == [group]
    directory.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{ana}"]'})

    told = directory.send("GET", f"/Groups/{group}")
    assert [each["value"] for each in told["members"]] == [bo]
    assert "members" not in directory.send("GET", f"/Groups/{group}?excludedAttributes=members")
    assert "members" not in directory.send("GET", "/Groups?excludedAttributes=members")["Resources"][0]


def test_a_group_that_is_deleted_leaves_its_team(directory: Directory) -> None:
    team, pk = make_team(), directory.hire()
    group = directory.group("claude-platform", pk)

    directory.send("DELETE", f"/Groups/{group}", status=204)

    assert Team.objects.get() == team
    assert Person.objects.get().team is None
    directory.send("GET", f"/Groups/{group}", status=404)


def test_a_group_that_is_renamed_is_another_teams(directory: Directory) -> None:
    make_team()
    data = make_team(group="claude-data", name="Data")
    pk = directory.hire()
    group = directory.group("claude-platform", pk)

    told = directory.send("GET", f"/Groups/{group}")
    directory.send("PUT", f"/Groups/{group}", {**told, "displayName": "claude-data"})

    assert Person.objects.get().team == data


def test_members_who_are_no_users_of_ours_are_left_out(directory: Directory) -> None:
    pk = directory.hire()

    group = directory.group("x", pk, "7d7a36a5-0000-4000-8000-000000000000", "nested")

    assert [each["value"] for each in directory.send("GET", f"/Groups/{group}")["members"]] == [pk]


def test_a_role_follows_its_group_too(directory: Directory) -> None:
    ana = make_person()
    pk = directory.hire()

    group = directory.group("onramp-admins", pk)
    ana.refresh_from_db()
    assert ana.user is not None
    ana.user.refresh_from_db()
    assert (ana.role, ana.user.is_staff) == (Role.ADMIN, True)

    directory.send("PUT", f"/Groups/{group}", {"schemas": [GROUP], "displayName": "onramp-admins"})
    ana.refresh_from_db()
    ana.user.refresh_from_db()
    assert (ana.role, ana.user.is_staff) == (Role.PERSON, False)


def test_whoever_leaves_the_required_groups_is_signed_out_at_once(directory: Directory, settings: Settings) -> None:
    settings.ONRAMP_REQUIRED_GROUPS = frozenset({"claude"})
    ana = make_person()
    pk = directory.hire()
    client = _signed_in_at_the_door(ana)
    # Until the directory sends that group, only a sign-in can tell.
    other = directory.group("others", pk)
    assert client.get("/usage/").status_code == 200
    claude = directory.group("claude", pk)
    directory.patch(f"/Groups/{other}", {"op": "remove", "path": "members"})
    assert client.get("/usage/").status_code == 200

    directory.patch(f"/Groups/{claude}", {"op": "remove", "path": "members"})

    assert client.get("/usage/")["Location"].startswith("/?next=")
    ana.refresh_from_db()
    assert ana.is_active


def test_groups_that_the_directory_does_not_send_are_a_sign_ins(directory: Directory) -> None:
    ana = make_person(role=Role.ADMIN, team=make_team())

    group = directory.group("something-else", directory.hire())
    directory.send("DELETE", f"/Groups/{group}", status=204)

    ana.refresh_from_db()
    assert (ana.role, ana.team) == (Role.ADMIN, Team.objects.get())


def test_a_group_waits_for_users_who_have_no_email_yet(directory: Directory) -> None:
    team, pk = make_team(), directory.hire("ananunez", emails=[])
    directory.group("claude-platform", pk)

    directory.patch(f"/Users/{pk}", {"op": "add", "path": "emails", "value": [{"value": ANA}]})

    assert Person.objects.get().team == team


def test_many_members_take_the_same_queries(
    directory: Directory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ids = [directory.hire(f"p{number}@acme.example") for number in range(12)]
    one, many = directory.group("one", ids[0]), directory.group("many")
    told = [{"value": pk} for pk in ids]
    directory.patch(f"/Groups/{one}", {"op": "remove", "path": "members"})
    with django_assert_num_queries(27):
        directory.patch(f"/Groups/{one}", {"op": "add", "path": "members", "value": told[:1]})
    with django_assert_num_queries(27):
        directory.patch(f"/Groups/{many}", {"op": "add", "path": "members", "value": told})
    with django_assert_num_queries(6):
        directory.send("GET", "/Groups")
    assert ProvisionedGroup.objects.get(pk=many).members.count() == 12


# --- Who wins


def _claims(**fields: Any) -> Claims:
    defaults = {"subject": "x", "email": ANA, "name": "Ana", "groups": frozenset(), "email_verified": True}
    return Claims(**{**defaults, **fields})


def test_at_a_sign_in_its_groups_win(directory: Directory) -> None:
    make_team()
    data = make_team(group="claude-data", name="Data")
    directory.group("claude-platform", directory.hire())

    person = sync_from_claims(user=make_user(), claims=_claims(groups=frozenset(["claude-data"])))
    assert person.team == data

    person = sync_from_claims(user=User.objects.get(), claims=_claims())
    assert person.team is None


def test_a_sign_in_without_a_word_of_groups_leaves_the_provisioned_ones(directory: Directory) -> None:
    team = make_team()
    pk = directory.hire()
    directory.group("claude-platform", pk)
    directory.group("onramp-auditors", pk)
    claims = Claims.from_userinfo({"sub": "x", "email": ANA})

    person = sync_from_claims(user=make_user(), claims=claims)

    assert (person.team, person.role) == (team, Role.AUDITOR)
