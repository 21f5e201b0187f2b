"""Who looks at the pages: the person at the machine itself, or who has logged in with a role in a claim."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast, get_args

from msgspec import Struct

from analytics.reading.rights import OWNER, Rights
from dashboards.settings import DashboardsSettings

LoginRole = Literal["manager", "analyst", "engineer"]
ROLES: dict[str, LoginRole] = {role: role for role in get_args(LoginRole)}


class Viewer(Struct, frozen=True, kw_only=True):
    """A person: what the pages call him, a word that names him in logs and says nothing, and his rights."""

    name: str
    mark: str
    rights: Rights


OWN_MACHINE = Viewer(name="", mark="local", rights=OWNER)


def read_claims(claims: Mapping[str, Any], *, settings: DashboardsSettings, now: datetime) -> Viewer | None:
    """Read the claims of a login; None without a role that we know, or when the login is over.

    Claims are re-read at every rerun. Of companies and teams that are not stated, all may be seen; an empty list is
    none. Of several roles the first that we know counts.
    """
    roles: list[LoginRole] = [
        ROLES[role] for role in _words(claims.get(settings.oidc_role_claim)) or () if role in ROLES
    ]
    expires = claims.get("exp")
    if not roles or not isinstance(expires, int | float) or now.timestamp() >= expires:
        return None
    rights = Rights(
        role=roles[0],
        companies=_words(claims.get(settings.oidc_companies_claim)),
        teams=_words(claims.get(settings.oidc_teams_claim)) if roles[0] == "manager" else None,
    )
    subject = f"{claims.get('iss', '')} {claims.get('sub', '')}"
    name = str(claims.get("name") or claims.get("preferred_username") or "")
    return Viewer(name=name, mark=hashlib.sha256(subject.encode()).hexdigest()[:16], rights=rights)


def _words(claim: Any) -> tuple[str, ...] | None:
    """Read a claim that holds one word or a list of them; None where there is no such claim."""
    if claim is None:
        return None
    if isinstance(claim, str):
        return tuple(claim.replace(",", " ").split())
    if isinstance(claim, Sequence):
        return tuple(str(word) for word in cast("Sequence[object]", claim))
    return ()
