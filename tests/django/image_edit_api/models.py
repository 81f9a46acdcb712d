"""ImageEditApi: images that an AI model edits."""

from django.contrib.auth.models import User
from django.db import models


class Image(models.Model):
    """An image with a prompt, and the edited image."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    image = models.ImageField(upload_to="originals/")
    edit_prompt = models.TextField(blank=True)
    edited_image = models.ImageField(upload_to="edited/", blank=True)
    created_at = models.DateTimeField()
