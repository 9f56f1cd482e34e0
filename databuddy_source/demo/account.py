"""What the organisation behind a server has paid for, and what its plan refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from databuddy_source.demo.bodies import Body, RefusedError
from databuddy_source.demo.generations import Behaviour


class Billing(Enum):
    """Who pays."""

    PAID = "a plan with everything"
    FREE = "the free plan"
    UNCONFIGURED = "somebody is to pay, but the self-hosted server has no billing service"


@dataclass(slots=True)
class Account:
    """What can be changed about the organisation while its server runs.

    `website_scopes` says whether a key is let in whose only scopes are those of its websites. It
    was not for a while in autumn 2026.
    """

    billing: Billing
    website_scopes: bool

    def check(self, of: Behaviour, bodies: Sequence[Body], *, organisation: bool) -> None:
        """Raises RefusedError for the whole request when one of its types is not in the plan.

        `organisation`: the request is about all websites.
        """
        if organisation and not of.gates_organisation:
            return
        asked = {parameter.name for body in bodies for parameter in body.parameters}
        if self.billing is Billing.PAID or not asked & of.gated:
            return
        if self.billing is Billing.FREE:
            raise RefusedError(
                402, "FEATURE_UNAVAILABLE", "Error tracking is not available on the free plan"
            )
        raise RefusedError(500, "INTERNAL_SERVER_ERROR", "Internal server error")
