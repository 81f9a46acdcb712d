"""Dropbox phone upload: images for a phone number, of nobody in particular."""

from django.db import models


class UploadedImage(models.Model):
    """An image with its copy in Dropbox."""

    phone_number = models.CharField(max_length=20)
    image = models.ImageField(upload_to="phones/")
    file_name = models.CharField(max_length=255)
    dropbox_url = models.URLField(blank=True)
    uploaded_at = models.DateTimeField()
