"""What a million tokens cost, and from when on."""

from __future__ import annotations

import datetime as dt

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from onboarding.enums import EndpointKind, TokenClass

# USD per million tokens: far above any price, and far below what the sums of usage can hold.
HIGHEST = 1_000


class PriceQuerySet(models.QuerySet["Price"]):
    def in_force(
        self, model_id: str, kind: EndpointKind, token_class: TokenClass, on: dt.date, *, is_long_prompt: bool = False
    ) -> PriceQuerySet:
        """The prices of one thing that began on or before a UTC day, the one in force first."""
        wanted = {"model_id": model_id, "endpoint_kind": kind, "token_class": token_class}
        return self.filter(**wanted, is_long_prompt=is_long_prompt, valid_from__lte=on).order_by("-valid_from")


class Price(models.Model):
    """USD per million tokens of one class, by model and endpoint kind, valid from a UTC day until the next row."""

    model_id = models.CharField(max_length=200, help_text=_("The base model's id, such as anthropic.claude-opus-5."))
    endpoint_kind = models.CharField(max_length=20, choices=EndpointKind.choices)
    token_class = models.CharField(max_length=20, choices=TokenClass.choices)
    is_long_prompt = models.BooleanField(
        default=False, help_text=_("The price of long prompts, where a model has one of their own.")
    )
    usd_per_million = models.DecimalField(
        max_digits=12, decimal_places=6, validators=[MinValueValidator(0), MaxValueValidator(HIGHEST)]
    )
    valid_from = models.DateField()
    source = models.CharField(max_length=200, help_text=_("Where the figure comes from."))

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_id", "endpoint_kind", "token_class", "is_long_prompt", "valid_from"],
                name="price_once_a_day",
            ),
            models.CheckConstraint(condition=models.Q(usd_per_million__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        long = " long prompts" if self.is_long_prompt else ""
        return f"{self.model_id} {self.endpoint_kind} {self.token_class}{long} from {self.valid_from}"
