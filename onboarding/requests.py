"""Requests: what people hand to the admins, and what the admins make of it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from onboarding.enums import NotificationKind, RequestState
from onboarding.masking import mask
from onboarding.models import AdminRequest, AuditEvent, Notification, Person, VerificationFinding
from onboarding.models.requests import ACCESS, HIGHER_BUDGET


def ask_about_finding(*, person: Person, answer: VerificationFinding, note: str) -> AdminRequest:
    """Hand the admins a finding of this person's, or where AWS gives no answer now, the last known one.

    Idempotent while a request about the same is open.
    """
    finding = answer.finding.standing(timezone.now())
    return _ask(
        AdminRequest(
            person=person,
            verification=answer.verification,
            finding=finding,
            check_name=finding.check_name,
            reason=finding.reason,
            note=note,
        )
    )


def ask_about_error(*, person: Person, diagnosis: str, masked: str, note: str) -> AdminRequest:
    """Hand the admins an error this person pasted, in which every secret was masked. `diagnosis` is its key.

    While a request with the same diagnosis is open, what is new of the text and the note is added to that one.
    """
    request = AdminRequest(person=person, reason=diagnosis, pasted=masked, note=note)
    there = _ask(request)
    return request if there is request else _add(there, request)


@transaction.atomic
def _add(request: AdminRequest, more: AdminRequest) -> AdminRequest:
    """Add to an open request, which then waits for an answer again; what it says already is not said twice."""
    row = AdminRequest.objects.select_for_update(of=("self",)).select_related("person").get(pk=request.pk)
    pasted, said = _joined(row.pasted, more.pasted), _joined(row.note, more.note)
    if (pasted, said) == (row.pasted, row.note):
        return row
    row.pasted, row.note, row.answered_at, row.answered_by = pasted, said, None, ""
    row.save(update_fields=["pasted", "note", "answered_at", "answered_by"])
    email = row.person.email
    AuditEvent.objects.record(actor=email, action="request.added", target=email, reason=row.reason)
    Notification.objects.tell_admins(NotificationKind.REQUEST_FILED, request=row)
    return row


def _joined(before: str, more: str) -> str:
    return before if more in before else "\n\n".join(filter(None, [before, more]))


def ask_for_budget(*, person: Person, note: str) -> AdminRequest:
    """Ask the admins for a higher budget. Idempotent while such a request is open."""
    return _ask(AdminRequest(person=person, reason=HIGHER_BUDGET, note=note))


def ask_for_access(*, person: Person, note: str) -> AdminRequest:
    """Ask the admins for a team, or a plan for one's team. Idempotent while such a request is open."""
    return _ask(AdminRequest(person=person, reason=ACCESS, note=note))


def _ask(request: AdminRequest) -> AdminRequest:
    same = AdminRequest.objects.filter(
        person=request.person, check_name=request.check_name, reason=request.reason, state=RequestState.OPEN
    )
    # They may paste there what belongs into the box for errors.
    request.note = mask(request.note)
    try:
        with transaction.atomic():
            request.save()
            AuditEvent.objects.record(
                actor=request.person.email,
                action="request.opened",
                target=request.person.email,
                check=request.check_name,
                reason=request.reason,
            )
            Notification.objects.tell_admins(NotificationKind.REQUEST_FILED, request=request)
    except IntegrityError:
        # Somebody asked the same a moment before, such as by a second click.
        return same.get()
    return request


@transaction.atomic
def answer_request(*, request: AdminRequest, actor: str, answer: str) -> bool:
    """Answer an open request and leave it open; the newest answer stands. False when it was closed already.

    ValueError without an answer.
    """
    if not answer.strip():
        raise ValueError("An answer says something.")
    answered = AdminRequest.objects.filter(pk=request.pk, state=RequestState.OPEN).update(
        answered_at=timezone.now(), answered_by=actor, answer=mask(answer)
    )
    if answered:
        _record(request, actor, "request.answered")
    return bool(answered)


@transaction.atomic
def close_request(*, request: AdminRequest, actor: str, answer: str) -> bool:
    """Close an open request, with an answer for whoever asked; without one, an earlier answer stands. False when it
    was closed already.
    """
    said = {"answer": mask(answer)} if answer.strip() else {}
    closed = AdminRequest.objects.filter(pk=request.pk, state=RequestState.OPEN).update(
        state=RequestState.CLOSED, closed_at=timezone.now(), closed_by=actor, **said
    )
    if closed:
        _record(request, actor, "request.closed")
    return bool(closed)


def _record(request: AdminRequest, actor: str, action: str) -> None:
    """The event, and the news for whoever asked."""
    AuditEvent.objects.record(actor=actor, action=action, target=request.person.email, reason=request.reason)
    Notification.objects.tell(NotificationKind.REQUEST_ANSWERED, [request.person_id], request=request)


def requests_of(person: Person) -> Mapping[str, AdminRequest]:
    """The newest request about each check and reason, as `check|reason`: what the person's own page shows."""
    newest = AdminRequest.objects.filter(person=person).select_related("finding").order_by("created_at")
    return {f"{row.check_name}|{row.reason}": row for row in newest}
