"""The stand-in for Dropbox in tests: files in memory, sessions, shared links, access tokens.

It reads requests and writes responses with the strict serializers of Dropbox's SDK. So the tests compare our wire
format with independent code.
"""

import datetime
import json
import re
import secrets
import threading
import urllib.parse

import dropbox
import requests
from dropbox import auth, files, sharing, stone_serializers
from dropbox.content_hash import DropboxContentHasher

from plans import Wrong

# The words of test plans, which are searched in paths and at the start of sessions.
WORD = re.compile(r"plan-[0-9a-f]+-[0-9a-f]+")
PART = 4 << 20
EXPIRES_IN = 14400


def encode(validator, value):
    return stone_serializers.json_encode(validator, value).encode()


def content_hash(data):
    hasher = DropboxContentHasher()
    hasher.update(data)
    return hasher.hexdigest()


def word_in(text):
    found = WORD.search(text)
    return found[0] if found else ""


class Refused(Exception):
    """An error that is specific to an endpoint, with status 409."""

    def __init__(self, validator, error):
        error = json.loads(stone_serializers.json_encode(validator, error))
        tags, level = [], error
        while isinstance(level, dict):
            tags.append(level.get(".tag"))
            level = level.get(tags[-1], level.get("reason"))
        self.body = json.dumps({"error_summary": "/".join(filter(None, tags)) + "/..", "error": error}).encode()


class Dropbox:
    def __init__(self, credentials, plans):
        self.credentials, self.plans = credentials, plans
        self.lock = threading.Lock()
        self.files, self.sessions, self.links, self.tokens = {}, {}, {}, []
        self.address = None
        self.routes = {
            "files/upload": (files.UploadArg, self.upload),
            "files/upload_session/start": (files.UploadSessionStartArg, self.start),
            "files/upload_session/append_v2": (files.UploadSessionAppendArg, self.append),
            "files/upload_session/finish": (files.UploadSessionFinishArg, self.finish),
            "files/delete_v2": (files.DeleteArg, self.delete),
            "sharing/create_shared_link_with_settings": (sharing.CreateSharedLinkWithSettingsArg, self.share),
            "sharing/list_shared_links": (sharing.ListSharedLinksArg, self.list),
        }

    # ------------------------------------------------------------ for tests

    def holding(self, word):
        with self.lock:
            found = [file for path, file in self.files.items() if word in path]
            return [{"path": file["path"], "size": len(file["data"]), "writes": file["writes"]} for file in found]

    # ------------------------------------------------------------ HTTP

    def get(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = urllib.parse.parse_qs(url.query)
        with self.lock:
            file = self.files.get(self.links.get(url.path.split("/")[3], "").lower())
        if file is None or query.get("rlkey") != [file["key"]]:
            return handler.reply(404, b"", {"content-type": "text/html"})
        if query.get("raw") != ["1"]:
            return handler.reply(200, b"<html>A page about the file</html>", {"content-type": "text/html"})
        return handler.reply(200, file["data"], {"content-type": "application/octet-stream"})

    def post(self, handler, data):
        if handler.path == "/oauth2/token":
            return self.token(handler, data)
        route = handler.path.removeprefix("/2/")
        if route not in self.routes:
            raise Wrong(f"no such route: {route}")
        kind, work = self.routes[route]
        has_content = route.startswith("files/upload")
        text = handler.headers["dropbox-api-arg"] if has_content else data.decode()
        wanted = "application/octet-stream" if has_content else "application/json"
        # A header may contain only ASCII.
        if handler.headers["content-type"] != wanted or (has_content and not re.fullmatch(r"[ -~]*", text)):
            raise Wrong(f"the argument or its type is not what {route} takes")
        validator = getattr(files if route.startswith("files/") else sharing, kind.__name__ + "_validator")
        argument = stone_serializers.json_decode(validator, text, strict=True)
        content = data if has_content else b""
        token = handler.headers["authorization"].removeprefix("Bearer ")
        word = self.word_of(argument, content)
        call = {"route": route, "bytes": len(content)}
        with self.lock:
            is_good = token in self.tokens
            call["token"] = token
        if not is_good:
            return self.refuse_token(handler)
        step = self.plans.step(word, call)
        if "status" in step and self.fail(handler, step, token):
            return None
        if "garbage" in step:
            return handler.reply(200, step["garbage"].encode())
        try:
            if "refuse" in step:
                self.refuse(route, step["refuse"])
            with self.lock:
                answer = work(argument, content)
        except Refused as refused:
            return handler.reply(409, refused.body)
        if step.get("lost"):
            return handler.reply(503, b"", {"content-type": "text/plain"})
        return handler.reply(200, answer)

    def word_of(self, argument, content):
        path = getattr(argument, "path", None) or getattr(getattr(argument, "commit", None), "path", None)
        if path:
            return word_in(path)
        cursor = getattr(argument, "cursor", None)
        if cursor:
            return self.sessions.get(cursor.session_id, {}).get("word", "")
        return word_in(content[:4096].decode("latin-1"))

    def token(self, handler, data):
        form = dict(urllib.parse.parse_qsl(data.decode(), strict_parsing=True))
        if form.pop("grant_type") != "refresh_token":
            raise Wrong("not the flow that is used here")
        given = (form.pop("client_id"), form.pop("client_secret"), form.pop("refresh_token"))
        if form or given != tuple(self.credentials[name] for name in ("app_key", "app_secret", "refresh_token")):
            return handler.reply(400, b'{"error": "invalid_grant", "error_description": "refresh token is invalid"}')
        token = "sl." + secrets.token_urlsafe(24)
        with self.lock:
            self.tokens.append(token)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": EXPIRES_IN}
        return handler.reply(200, json.dumps(answer).encode())

    def fail(self, handler, step, token):
        """Sends an error in Dropbox's format."""
        status = step["status"]
        if status == 401:
            if step.get("for_all"):
                with self.lock:
                    self.tokens = [other for other in self.tokens if other != token]
            return self.refuse_token(handler) or True
        if status == 429:
            seconds = step.get("retry_after", 1)
            reason = getattr(auth.RateLimitReason, step.get("reason", "too_many_write_operations"))
            error = json.loads(encode(auth.RateLimitError_validator, auth.RateLimitError(reason, seconds)))
            body = {"error_summary": error["reason"][".tag"] + "/..", "error": error}
            headers = {"retry-after": str(seconds)} if step.get("header", True) else {}
            return handler.reply(429, json.dumps(body).encode(), headers) or True
        return handler.reply(status, b"upstream trouble", {"content-type": "text/plain"}) or True

    def refuse_token(self, handler):
        error = json.loads(encode(auth.AuthError_validator, auth.AuthError.expired_access_token))
        body = {"error_summary": "expired_access_token/..", "error": error}
        return handler.reply(401, json.dumps(body).encode())

    def refuse(self, route, reason):
        reason = getattr(files.WriteError, reason)
        if route == "files/upload":
            failed = files.UploadWriteFailed(reason=reason, upload_session_id="0")
            raise Refused(files.UploadError_validator, files.UploadError.path(failed))
        if route == "files/delete_v2":
            raise Refused(files.DeleteError_validator, files.DeleteError.path_write(reason))
        raise Refused(files.UploadSessionFinishError_validator, files.UploadSessionFinishError.path(reason))

    # ------------------------------------------------------------ files

    def metadata(self, file):
        name = file["path"].rsplit("/", 1)[1]
        return files.FileMetadata(
            name=name, id="id:" + file["id"], client_modified=file["at"], server_modified=file["at"],
            rev=file["rev"], size=len(file["data"]), path_lower=file["path"].lower(), path_display=file["path"],
            is_downloadable=True, content_hash=content_hash(file["data"]),
        )

    def write(self, path, data):
        """Writes a file as `WriteMode.add` without `autorename` does. Returns metadata or the reason of a refusal."""
        parts = path.split("/")[1:]
        if any(re.search(r"[\\\x00-\x1f\x7f]", part) or len(part) > 255 or part != part.rstrip(" .") for part in parts):
            return None, files.WriteError.disallowed_name
        old = self.files.get(path.lower())
        if old and old["data"] != data:
            return None, files.WriteError.conflict(files.WriteConflictError.file)
        if not old:
            now = datetime.datetime.utcnow().replace(microsecond=0)
            old = {"path": path, "data": data, "at": now, "writes": 0}
            old |= {"id": secrets.token_hex(11), "rev": secrets.token_hex(8), "key": secrets.token_hex(12)}
            self.files[path.lower()] = old
        old["writes"] += 1
        return self.metadata(old), None

    def commit(self, commit):
        if commit.autorename or not commit.mode.is_add():
            raise Wrong("a copy that may take another's place, or stand beside one")

    def upload(self, argument, data):
        self.commit(argument)
        if len(data) > 150 << 20:
            raise Refused(files.UploadError_validator, files.UploadError.payload_too_large)
        if argument.content_hash != content_hash(data):
            raise Refused(files.UploadError_validator, files.UploadError.content_hash_mismatch)
        metadata, reason = self.write(argument.path, data)
        if reason:
            failed = files.UploadWriteFailed(reason=reason, upload_session_id="0")
            raise Refused(files.UploadError_validator, files.UploadError.path(failed))
        return encode(files.FileMetadata_validator, metadata)

    def start(self, argument, data):
        if argument.content_hash != content_hash(data):
            error = files.UploadSessionStartError.content_hash_mismatch
            raise Refused(files.UploadSessionStartError_validator, error)
        session = secrets.token_hex(16)
        self.sessions[session] = {"data": [data], "word": word_in(data[:4096].decode("latin-1"))}
        return encode(files.UploadSessionStartResult_validator, files.UploadSessionStartResult(session_id=session))

    def more(self, cursor):
        """The parts of a session, or the reason why it accepts no more."""
        session = self.sessions.get(cursor.session_id)
        if session is None:
            return None, "not_found"
        length = sum(map(len, session["data"]))
        if cursor.offset != length:
            return None, ("incorrect_offset", files.UploadSessionOffsetError(correct_offset=length))
        if any(len(part) % PART for part in session["data"]):
            raise Wrong("a part that is no multiple of 4 MiB")
        return session["data"], None

    def append(self, argument, data):
        parts, error = self.more(argument.cursor)
        kind, validator = files.UploadSessionAppendError, files.UploadSessionAppendError_validator
        if error:
            reason = getattr(kind, error) if isinstance(error, str) else kind.incorrect_offset(error[1])
            raise Refused(validator, reason)
        if argument.content_hash != content_hash(data):
            raise Refused(validator, kind.content_hash_mismatch)
        parts.append(data)
        return b"null"

    def finish(self, argument, data):
        self.commit(argument.commit)
        parts, error = self.more(argument.cursor)
        kind, validator = files.UploadSessionFinishError, files.UploadSessionFinishError_validator
        if error:
            lookup = files.UploadSessionLookupError
            error = getattr(lookup, error) if isinstance(error, str) else lookup.incorrect_offset(error[1])
            raise Refused(validator, kind.lookup_failed(error))
        if argument.content_hash != content_hash(data):
            raise Refused(validator, kind.content_hash_mismatch)
        metadata, reason = self.write(argument.commit.path, b"".join([*parts, data]))
        if reason:
            raise Refused(validator, kind.path(reason))
        del self.sessions[argument.cursor.session_id]
        return encode(files.FileMetadata_validator, metadata)

    def delete(self, argument, _data):
        file = self.files.pop(argument.path.lower(), None)
        if file is None:
            error = files.DeleteError.path_lookup(files.LookupError.not_found)
            raise Refused(files.DeleteError_validator, error)
        return encode(files.DeleteResult_validator, files.DeleteResult(metadata=self.metadata(file)))

    # ------------------------------------------------------------ links

    def link(self, file):
        name = urllib.parse.quote(file["path"].rsplit("/", 1)[1])
        permissions = sharing.LinkPermissions(
            can_revoke=True, resolved_visibility=sharing.ResolvedVisibility.public, visibility_policies=[],
            can_set_expiry=False, can_remove_expiry=False, allow_download=True, can_allow_download=True,
            can_disallow_download=False, allow_comments=True, team_restricts_comments=False,
        )
        return sharing.FileLinkMetadata(
            url=f"{self.address}/scl/fi/{file['id']}/{name}?rlkey={file['key']}&dl=0", name=name, id="id:" + file["id"],
            link_permissions=permissions, client_modified=file["at"], server_modified=file["at"], rev=file["rev"],
            size=len(file["data"]), path_lower=file["path"].lower(),
        )

    def share(self, argument, _data):
        kind, validator = sharing.CreateSharedLinkWithSettingsError, sharing.CreateSharedLinkWithSettingsError_validator
        file = self.files.get(argument.path.lower())
        if file is None:
            raise Refused(validator, kind.path(files.LookupError.not_found))
        if file["id"] in self.links:
            raise Refused(validator, kind.shared_link_already_exists(None))
        self.links[file["id"]] = file["path"]
        return encode(sharing.SharedLinkMetadata_validator, self.link(file))

    def list(self, argument, _data):
        file = self.files.get(argument.path.lower())
        if file is None:
            error = sharing.ListSharedLinksError.path(files.LookupError.not_found)
            raise Refused(sharing.ListSharedLinksError_validator, error)
        links = [self.link(file)] if file["id"] in self.links else []
        return encode(sharing.ListSharedLinksResult_validator, sharing.ListSharedLinksResult(links, has_more=False))

    # ------------------------------------------------------------ the SDK

    def sdk_agrees(self, address):
        """Requires that Dropbox's SDK understands the stand-in."""
        self.address = address

        class Here(requests.adapters.HTTPAdapter):
            def send(self, request, **kwargs):
                request.url = address + request.url.split(".com", 1)[1]
                return super().send(request, **kwargs)

        session = requests.Session()
        session.mount("https://", Here())
        names = {"app_key", "app_secret"}
        client = dropbox.Dropbox(
            oauth2_refresh_token=self.credentials["refresh_token"], session=session, max_retries_on_error=0,
            max_retries_on_rate_limit=0, **{name: self.credentials[name] for name in names},
        )
        path, data = "/sdk/ü.txt", b"x" * PART
        client.files_upload(data, path)
        self.tokens.clear()
        link = client.sharing_create_shared_link_with_settings(path)
        assert requests.get(link.url.replace("dl=0", "raw=1"), timeout=9).content == data
        try:
            client.sharing_create_shared_link_with_settings(path)
            raise AssertionError("an existing link was created again")
        except dropbox.exceptions.ApiError as error:
            assert error.error.is_shared_link_already_exists()
        assert client.sharing_list_shared_links(path, direct_only=True).links[0].url == link.url
        client.files_delete_v2(path)
        cursor = files.UploadSessionCursor(client.files_upload_session_start(data).session_id, len(data))
        client.files_upload_session_append_v2(data, cursor)
        cursor.offset += len(data)
        made = client.files_upload_session_finish(b"!", cursor, files.CommitInfo(path))
        assert made.content_hash == content_hash(data + data + b"!")
        client.files_delete_v2(path)
        try:
            client.files_delete_v2(path)
            raise AssertionError("what is gone is removed")
        except dropbox.exceptions.ApiError as error:
            assert error.error.get_path_lookup().is_not_found()
