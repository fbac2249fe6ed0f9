"""Who gets in: whoever shows a token that holds and has the scope. No cookie opens anything here."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from onboarding.enums import ApiScope
from onboarding.models import ApiToken
from onboarding.tokens import note_use, token_of
from onboarding.views import limits
from onboarding.views.api.problems import Refused

# Longer than any token of ours; what exceeds it is none, and is not digested.
_LONGEST = 200


class Token(HttpBearer):
    """Lets in who shows a token with a scope. 401 where there is none that holds, 403 where it may not read this, 429
    where it asks too often, or too many tokens of its address were none."""

    def __init__(self, scope: ApiScope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        # Ninja's own would write a header it does not understand into the log.
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        is_token = scheme.lower() == "bearer" and len(secret) <= _LONGEST
        found = self.authenticate(request, secret.strip()) if is_token else None
        if found is None and (wait := limits.too_many_of_address(request)):
            raise Refused(429, wait=wait)
        return found

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = token_of(token)
        if found is not None and (wait := limits.too_many_of_token(found.pk)):
            raise Refused(429, wait=wait)
        if found is not None and self.scope.value not in found.scopes:
            raise Refused(403, f"The token lacks the scope `{self.scope.value}`.")
        if found is not None:
            note_use(found)
        return found
