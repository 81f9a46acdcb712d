"""Software tokens, lockouts, and challenges whose session is checked, for ministack's Cognito: see `cognito.py`."""

import hmac
import json
import secrets
import threading
import time

from ministack.services import cognito

# Guide, "Lockout behavior for failed sign-in attempts": the fifth failure locks the user for a second, and each further
# one for twice as long, up to about 15 minutes. Guide, "Adding MFA to a user pool": this applies to codes too.
FREE_ATTEMPTS = 5
MAX_LOCK = 900
# A code is accepted one step of 30 seconds before and after its time.
STEP = 30
DRIFT = (0, -1, 1)

error, answer = cognito.error_response_json, cognito.json_response
lock = threading.RLock()
# The challenges that wait for a response, by session.
challenges = {}


def is_locked(user):
    failures, since = user.get("_failures", (0, 0))
    return failures >= FREE_ATTEMPTS and time.time() < since + min(2 ** (failures - FREE_ATTEMPTS), MAX_LOCK)


def locked():
    return error("NotAuthorizedException", "Password attempts exceeded", 400)


def failed(user):
    failures, since = user.get("_failures", (0, 0))
    # 15 minutes without an attempt end the lockout.
    user["_failures"] = (1 if time.time() > since + MAX_LOCK else failures + 1, time.time())


def step_of(secret, code):
    """The step of a code of this secret that is valid now, or None."""
    if not isinstance(code, str) or not code.isascii():
        return None
    current = int(time.time() // STEP)
    matching = (drift for drift in DRIFT if hmac.compare_digest(cognito._totp_code(secret, drift), code))
    return next((current + drift for drift in matching), None)


def use_code(user, secret, code, mismatch):
    """Uses a code. Each code is accepted once: afterwards it gives ExpiredCodeException (AWS SDK Code Examples, "Use
    RespondToAuthChallenge with an AWS SDK": the code "has expired or has been used already")."""
    step = step_of(secret, code)
    if step is None:
        failed(user)
        return mismatch
    used = user.setdefault("_totp_steps", [])
    if (secret, step) in [tuple(pair) for pair in used]:
        return error("ExpiredCodeException", "Your software token has already been used once.", 400)
    user["_totp_steps"] = [*used, (secret, step)][-10:]
    user.pop("_failures", None)
    return None


def has_software_tokens(pool):
    return bool((pool.get("SoftwareTokenMfaConfiguration") or {}).get("Enabled"))


def associate_software_token(associate):
    """API reference, "AssociateSoftwareToken"."""

    def run(data):
        _, pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
        if pool and not has_software_tokens(pool):
            message = "Software Token MFA has not been enabled by the userPool."
            return error("SoftwareTokenMFANotFoundException", message, 400)
        return associate(data)

    return run


def verify_software_token(data):
    """Registers the token. The user then still has to choose it (guide, "TOTP software token MFA")."""
    user, _pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return error("NotAuthorizedException", "Invalid Access Token", 400)
    with lock:
        if is_locked(user):
            return locked()
        secret = user.get("_totp_pending_secret")
        if not secret:
            return error("InvalidParameterException", "User has not associated a software token", 400)
        mismatch = error("EnableSoftwareTokenMFAException", "Code mismatch", 400)
        problem = use_code(user, secret, data.get("UserCode"), mismatch)
        if problem:
            return problem
        user["_totp_secret"] = user.pop("_totp_pending_secret")
    return answer({"Status": "SUCCESS"})


def set_user_mfa_preference(set_preference):
    """API reference, "SetUserMFAPreference": a token must be registered before it is chosen."""

    def run(data):
        user = cognito._user_for_access_token(data.get("AccessToken"))
        chosen = (data.get("SoftwareTokenMfaSettings") or {}).get("Enabled")
        if user and chosen and not user.get("_totp_secret"):
            return error("InvalidParameterException", "User has not verified software token mfa", 400)
        return set_preference(data)

    return run


def challenge(pool, client_id, user, name, parameters):
    """Starts a challenge. USER_ID_FOR_SRP is the user's name, also after a login with an alias."""
    session = secrets.token_urlsafe(600)
    minutes = (pool["_clients"].get(client_id) or {}).get("AuthSessionValidity") or 3
    for known in [known for known, entry in list(challenges.items()) if entry["expires"] < time.time()]:
        challenges.pop(known, None)
    challenges[session] = {
        "client": client_id, "user": user["Username"], "name": name, "expires": time.time() + minutes * 60,
    }  # fmt: skip
    parameters = {"USER_ID_FOR_SRP": user["Username"]} | parameters
    return answer({"ChallengeName": name, "Session": session, "ChallengeParameters": parameters})


def next_step(pool, pool_id, client_id, user, client_metadata=None):
    """What follows a password: a challenge or tokens (guide, "Authentication with Amazon Cognito user pools")."""
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        known = json.dumps(cognito._attr_list_to_dict(user.get("Attributes", [])))
        parameters = {"requiredAttributes": "[]", "userAttributes": known}
        return challenge(pool, client_id, user, "NEW_PASSWORD_REQUIRED", parameters)
    if pool.get("MfaConfiguration", "OFF") != "OFF" and "SOFTWARE_TOKEN_MFA" in user.get("_mfa_enabled", []):
        return challenge(pool, client_id, user, "SOFTWARE_TOKEN_MFA", {"FRIENDLY_DEVICE_NAME": "TOTP device"})
    result = cognito._build_auth_result(pool_id, client_id, user, client_metadata=client_metadata)
    return answer({"AuthenticationResult": result})


def password_auth_result(pool, pool_id, client_id, user, *_, client_metadata=None, **_options):
    return next_step(pool, pool_id, client_id, user, client_metadata)


def new_password_error(pool, user, responses):
    """Sets a new password, or returns an error."""
    password = responses.get("NEW_PASSWORD", "")
    problem = cognito._validate_password(pool, password)
    if problem is None:
        user["_password"], user["UserStatus"] = password, "CONFIRMED"
        user["UserLastModifiedDate"] = cognito._now_epoch()
    return problem


def code_error(user, responses):
    """Uses a code of the user's token, or returns an error."""
    if is_locked(user):
        return locked()
    mismatch = error("CodeMismatchException", "Invalid code received for user", 400)
    secret = user.get("_totp_secret")
    return use_code(user, secret, responses.get("SOFTWARE_TOKEN_MFA_CODE"), mismatch) if secret else mismatch


def checking_lockouts(initiate_auth):
    """A locked user cannot begin another login (guide, "Lockout behavior for failed sign-in attempts")."""

    def run(data):
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        name = (data.get("AuthParameters") or {}).get("USERNAME")
        user = cognito._resolve_user(pool, name)[0] if pool and name else None
        return locked() if user and is_locked(user) else initiate_auth(data)

    return run


def is_name(pool, name, sent):
    """Whether a client sent the user's name, and no alias (guide, "User pool case sensitivity")."""
    if (pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True):
        return name == sent
    return name.lower() == str(sent).lower()


def checking_sessions(respond):
    """API reference, "RespondToAuthChallenge": the session belongs to one challenge of one user and client, and is
    valid for AuthSessionValidity. A wrong code leaves the challenge as it is."""

    def run(data):
        name = data.get("ChallengeName")
        if name not in ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA"):
            return respond(data)
        client_id, responses = data.get("ClientId"), data.get("ChallengeResponses") or {}
        pool, pool_id = cognito._pool_for_client(client_id)
        with lock:
            entry = challenges.get(data.get("Session"))
            known = entry and pool and entry["client"] == client_id and entry["name"] == name
            if not known or not is_name(pool, entry["user"], responses.get("USERNAME")):
                return error("NotAuthorizedException", "Invalid session for the user.", 400)
            if entry["expires"] < time.time():
                return error("NotAuthorizedException", "Invalid session for the user, session is expired.", 400)
            user = pool["_users"].get(entry["user"])
            if user is None or not user.get("Enabled", True):
                return error("NotAuthorizedException", "User is disabled.", 400)
            is_code = name == "SOFTWARE_TOKEN_MFA"
            problem = code_error(user, responses) if is_code else new_password_error(pool, user, responses)
            if problem:
                return problem
            challenges.pop(data.get("Session"), None)
            if not is_code:
                return next_step(pool, pool_id, client_id, user)
            return answer({"AuthenticationResult": cognito._build_auth_result(pool_id, client_id, user)})

    return run


def install():
    """Replaces ministack's functions."""
    cognito._associate_software_token = associate_software_token(cognito._associate_software_token)
    cognito._verify_software_token = verify_software_token
    cognito._set_user_mfa_preference = set_user_mfa_preference(cognito._set_user_mfa_preference)
    cognito._password_auth_result = password_auth_result
    cognito._initiate_auth = checking_lockouts(cognito._initiate_auth)
    cognito._respond_to_auth_challenge = checking_sessions(cognito._respond_to_auth_challenge)
