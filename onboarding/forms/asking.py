"""What people ask the admins, and what these answer."""

from __future__ import annotations

from typing import Any

from django import forms

from onboarding.checks.errors import LIMIT
from onboarding.masking import mask


class AskForm(forms.Form):
    """A finding to hand to the admins, and what the person wants to say about it."""

    finding = forms.IntegerField()
    note = forms.CharField(max_length=1000, required=False)


class ErrorForm(forms.Form):
    """An error somebody pasted. Longer than the limit is cut, not refused: the start says most.

    Its secrets are masked here, so that nothing behind the form ever sees them.
    """

    text = forms.CharField(widget=forms.Textarea)
    note = forms.CharField(max_length=1000, required=False)

    def clean_text(self) -> str:
        text: Any = self.cleaned_data["text"]
        return mask(str(text)[:LIMIT])


class AnswerForm(forms.Form):
    """What an admin answers to whoever asked."""

    answer = forms.CharField(max_length=1000)


class CloseForm(forms.Form):
    """What an admin says who resolves a request, if they want to."""

    answer = forms.CharField(max_length=1000, required=False)


class NoteForm(forms.Form):
    """What somebody says who asks for a higher budget, or for access."""

    note = forms.CharField(max_length=1000, required=False)
