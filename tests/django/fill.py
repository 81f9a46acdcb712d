"""Fills the five backends: 3 users, 20 pictures, 4 sets and 2 phone numbers.

The environment variable RUN makes the names of users and tiers unique.
"""

import io
import os
from datetime import UTC, datetime, timedelta
from itertools import count

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from PIL import Image

from aizen.models import Image as AizenImage
from beepdata.models import Image as SetImage
from beepdata.models import ImageSet
from django_image.models import Account, AccountTier
from django_image.models import Image as TierImage
from dropbox_upload.models import UploadedImage
from image_edit_api.models import Image as EditImage

RUN = os.environ["RUN"]
START = datetime(2019, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
times, pictures = count(1), count(1)


def next_time():
    """A different time for each thing, more than a month after the previous one."""
    number = next(times)
    return START + timedelta(days=33 * number, seconds=number)


def picture(name):
    """A picture that is different from all others."""
    number = next(pictures)
    color = (number * 11 % 256, number * 53 % 256, number * 97 % 256)
    file = io.BytesIO()
    Image.new("RGB", (64 + number, 48), color).save(file, "PNG" if name.endswith("png") else "JPEG")
    return ContentFile(file.getvalue(), name)


ann, bob, office = (
    User.objects.create_user(
        f"{RUN}-{name}", f"{RUN}-{name}@example.com", "Passw0rd1", first_name=first, last_name=last
    )
    for name, first, last in [("Ann", "Ann", "Müller"), ("bob", "Bob", ""), ("office", "", "")]
)
gold = AccountTier.objects.create(
    name=f"{RUN} Gold", thumbnail_sizes=[100, 300], original_link=True, expiring_link=True
)
for user in (ann, bob, office):
    Account.objects.create(user=user, tier=gold)

for user, title, slots in [
    (ann, "Kitchen", ["image1", "image2", "image3"]),
    (ann, "Garden 🌱", ["image1", "image3"]),
    (bob, "Car", ["image1", "image2", "image3"]),
    (bob, "Empty", []),
]:
    created = next_time()
    images = ImageSet.objects.create(
        user=user, title=title, description="Two\nlines", created_at=created, updated_at=created + timedelta(hours=1)
    )
    for slot in slots:
        SetImage.objects.create(
            image_set=images, image_type=slot, created_at=next_time(), image=picture(f"{title} {slot}.jpg")
        )
for owner, name in [(ann, "a.png"), (ann, "b.jpg"), (bob, "c.jpg"), (office, "d.jpg")]:
    TierImage.objects.create(owner=owner, uploaded_at=next_time(), image=picture(name))
EditImage.objects.create(
    user=bob, created_at=next_time(), image=picture("cat.jpg"), edit_prompt="A hat", edited_image=picture("hat.jpg")
)
EditImage.objects.create(user=bob, created_at=next_time(), image=picture("dog.jpg"))
for number in ["+49 30 901820", "0171 2345678", "030 90 18 20"]:
    UploadedImage.objects.create(
        phone_number=number, uploaded_at=next_time(), file_name="Küche 1.jpg", image=picture("x.jpg")
    )
for status, analysis in [("done", "A red square."), ("failed", "")]:
    AizenImage.objects.create(
        user=ann,
        created_at=next_time(),
        status=status,
        analysis=analysis,
        original_filename="Holiday.jpg",
        file=picture("h.jpg"),
    )
