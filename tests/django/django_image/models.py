"""Django Image: images of users in account tiers."""

from django.contrib.auth.models import User
from django.db import models


class AccountTier(models.Model):
    """What a user gets."""

    name = models.CharField(max_length=50)
    thumbnail_sizes = models.JSONField()
    original_link = models.BooleanField(default=False)
    expiring_link = models.BooleanField(default=False)


class Account(models.Model):
    """The tier of a user."""

    user = models.OneToOneField(User, models.CASCADE)
    tier = models.ForeignKey(AccountTier, models.PROTECT)


class Image(models.Model):
    """An image."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    image = models.ImageField(upload_to="images/")
    uploaded_at = models.DateTimeField()
