"""Aizen: images that an AI model describes."""

from django.contrib.auth.models import User
from django.db import models


class Image(models.Model):
    """An image with its analysis."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    file = models.ImageField(upload_to="aizen/")
    original_filename = models.CharField(max_length=255)
    status = models.CharField(max_length=20)
    analysis = models.TextField(blank=True)
    created_at = models.DateTimeField()
