"""The settings. The database and the files are in the current directory, which a test creates."""

from pathlib import Path

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "beepdata",
    "django_image",
    "image_edit_api",
    "dropbox_upload",
    "aizen",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path.cwd() / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = Path.cwd() / "media"
