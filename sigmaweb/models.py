"""What the house itself keeps: sign-in links that work once."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone


class SignInLink(models.Model):
    """A link that signs one person in, once, within its lifetime.

    Only the hash of its token is kept: who reads the database cannot use it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    token_sha256 = models.CharField(max_length=64, unique=True)
    next_path = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"


def issue_link(user: User, next_path: str) -> str:
    """The token of a new link for `user`; it leads to `next_path`. The token is known here and never again."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user,
        token_sha256=_digest(token),
        next_path=next_path,
        expires_at=timezone.now() + settings.SIGN_IN_LINK_LIFETIME,
    )
    return token


def usable_link(token: str) -> SignInLink | None:
    """The link of this token while it can still be used."""
    return _usable(token).select_related("user").first()


def redeem_link(token: str) -> SignInLink | None:
    """Use the link up. Of two requests that come together one gets it, the other gets None."""
    link = usable_link(token)
    if link is None or not _usable(token).update(used_at=timezone.now()):
        return None
    return link


def _usable(token: str) -> models.QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        token_sha256=_digest(token), used_at=None, expires_at__gt=timezone.now(), user__is_active=True
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
