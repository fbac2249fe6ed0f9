"""What people ask the admins, and what these answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import normalize_newlines

from onboarding.checks.errors import LIMIT
from onboarding.masking import mask


class NoteField(forms.CharField):
    """What somebody says in a few lines. Browsers count a line break as one character and send it as two, and NUL is
    no character to PostgreSQL: neither costs anybody their words."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=1000, **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(normalize_newlines(str(value or "")).replace("\0", "")))


class AskForm(forms.Form):
    """A finding to hand to the admins, and what the person wants to say about it."""

    finding = forms.IntegerField()
    note = NoteField(required=False)


class ErrorForm(forms.Form):
    """An error somebody pasted. Longer than the limit is cut, not refused: the start says most.

    Its secrets are masked here, so that nothing behind the form ever sees them.
    """

    text = forms.CharField(widget=forms.Textarea)
    note = NoteField(required=False)

    def clean_text(self) -> str:
        text: Any = self.cleaned_data["text"]
        return mask(str(text)[:LIMIT])


class AnswerForm(forms.Form):
    """What an admin answers to whoever asked."""

    answer = NoteField()


class CloseForm(forms.Form):
    """What an admin says who resolves a request, if they want to."""

    answer = NoteField(required=False)


class NoteForm(forms.Form):
    """What somebody says who asks for a higher budget, or for access."""

    note = NoteField(required=False)
