"""BeepData: image sets with three images."""

from django.contrib.auth.models import User
from django.db import models


class ImageSet(models.Model):
    """A set. It is complete with three images."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()


class Image(models.Model):
    """An image in a slot of a set."""

    image_set = models.ForeignKey(ImageSet, models.CASCADE, related_name="images")
    image_type = models.CharField(max_length=6, choices=[("image1", "1"), ("image2", "2"), ("image3", "3")])
    image = models.ImageField(upload_to="sets/")
    created_at = models.DateTimeField()
