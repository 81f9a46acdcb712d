"""Measures a Django REST backend that does the same as four endpoints of Darkroom, and compares it with them.

Usage: django_requests.py JSON REQUESTS

JSON is what api_requests.py has measured. The backend has a table of SQLite in memory, token authentication, and
presigned URLs of boto3. Its requests go straight to the WSGI application, so no web server is measured. Processor time
is that of warm requests, after ten others.
"""

import io
import json
import sys
import time
from pathlib import Path

import boto3
import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "rest_framework.authtoken"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, pagination, serializers  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

WARM_UP = 10
SIZES = (200, 400, 1200)
UPLOADS = "darkroom-uploads-123456789012-eu-central-1"
DERIVED = "darkroom-derived-123456789012-eu-central-1"
MEASURED = ("20 images", "one image", "one status", "one creation")
S3 = boto3.session.Session(
    aws_access_key_id="ASIA0123456789ABCDEF", aws_secret_access_key="s" * 40, aws_session_token="t" * 1400,
    region_name="eu-central-1",
).client("s3")


class Picture(models.Model):
    owner = models.ForeignKey(User, on_delete=models.CASCADE)
    file_name = models.CharField(max_length=255)
    title = models.CharField(max_length=255, null=True)
    description = models.TextField(null=True)
    status = models.CharField(max_length=20)
    content_type = models.CharField(max_length=50)
    size = models.IntegerField()
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    thumbhash = models.CharField(max_length=50, null=True)
    color = models.CharField(max_length=10, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "bench"


class PictureSerializer(serializers.ModelSerializer):
    thumbnails = serializers.SerializerMethodField()
    original_url = serializers.SerializerMethodField()
    upload = serializers.SerializerMethodField()

    class Meta:
        model = Picture
        exclude = ("owner",)
        read_only_fields = ("status", "width", "height", "thumbhash", "color")

    def get_thumbnails(self, picture):
        sizes = SIZES if picture.status == "ready" else ()
        urls = {size: address(DERIVED, f"t/{picture.id}/{size}.jpg") for size in sizes}
        return [{"size": size, "width": size, "height": size * 3 // 4, "url": url} for size, url in urls.items()]

    def get_original_url(self, picture):
        return address(UPLOADS, f"u/{picture.id}") if picture.status == "ready" else None

    def get_upload(self, picture):
        if picture.status != "pending":
            return None
        parameters = {
            "Bucket": UPLOADS, "Key": f"u/{picture.id}", "ContentType": picture.content_type,
            "ContentLength": picture.size,
        }
        return S3.generate_presigned_url("put_object", Params=parameters, ExpiresIn=900)


def address(bucket, key):
    return S3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


class StatusSerializer(serializers.ModelSerializer):
    class Meta:
        model = Picture
        fields = ("id", "status", "updated_at")


class Newest(pagination.CursorPagination):
    page_size, ordering = 20, "-created_at"


class Owned:
    serializer_class = PictureSerializer

    def get_queryset(self):
        return Picture.objects.filter(owner=self.request.user)


class Pictures(Owned, generics.ListCreateAPIView):
    pagination_class = Newest

    def perform_create(self, serializer):
        serializer.save(owner=self.request.user, status="pending")


class One(Owned, generics.RetrieveAPIView):
    pass


class Status(Owned, generics.RetrieveAPIView):
    serializer_class = StatusSerializer


urlpatterns = [
    path("images", Pictures.as_view()),
    path("images/<int:pk>", One.as_view()),
    path("images/<int:pk>/status", Status.as_view()),
]


def prepare():
    """Makes the tables, and a user with 300 pictures. Returns the user's token."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Picture)
    user = User.objects.create_user("bench")
    for number in range(300):
        Picture.objects.create(
            owner=user, file_name=f"IMG_{number:06}.jpg", status="ready", content_type="image/jpeg", size=3_000_000,
            width=4032, height=3024, thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI", color="#a0b0c0",
        )
    return Token.objects.create(user=user).key


def requests(token):
    """For each request, a function that makes its WSGI environment."""
    def environment(method, target, body=b""):
        return lambda: {
            "REQUEST_METHOD": method, "PATH_INFO": target, "QUERY_STRING": "", "SERVER_NAME": "bench",
            "SERVER_PORT": "80", "HTTP_AUTHORIZATION": f"Token {token}", "HTTP_ACCEPT": "application/json",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.multithread": False,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "SERVER_PROTOCOL": "HTTP/1.1",
        }

    new = {"file_name": "IMG_20260312_000001.jpg", "content_type": "image/jpeg", "size": 3_000_000}
    return {
        "20 images": environment("GET", "/images"),
        "one image": environment("GET", "/images/7"),
        "one status": environment("GET", "/images/7/status"),
        "one creation": environment("POST", "/images", json.dumps(new).encode()),
    }


def milliseconds(application, environment, count):
    """The processor time of one request."""
    statuses = []

    def answer():
        response = application(environment(), lambda status, _headers: statuses.append(status))
        b"".join(response)
        response.close()

    for _ in range(WARM_UP):
        answer()
    start = time.process_time()
    for _ in range(count):
        answer()
    spent = time.process_time() - start
    if not all(status.startswith("2") for status in statuses):
        raise SystemExit(f"Django answers {set(statuses)}")
    return spent * 1000 / count


def main():
    measured = {row["request"]: row["cpu_ms"] for row in json.loads(Path(sys.argv[1]).read_text()) if not row["edge"]}
    application, cases = get_wsgi_application(), requests(prepare())
    print("| request | Darkroom CPU, ms | Django CPU, ms | Django to Darkroom |")
    print("| --- | ---: | ---: | ---: |")
    for name in MEASURED:
        peer = milliseconds(application, cases[name], int(sys.argv[2]))
        print(f"| {name} | {measured[name]:.2f} | {peer:.2f} | {peer / measured[name]:.1f} |")


if __name__ == "__main__":
    main()
