"""Makes ministack's Cognito do what AWS documents, where ministack differs.

It adds confirmed e-mail addresses as aliases, changes of an address that wait for a code, software tokens, and
challenges whose session is checked. The title in each docstring is the page of AWS's documentation. "API reference"
is the Amazon Cognito user pools API reference, and "guide" is the Amazon Cognito Developer Guide.
"""

import hmac
import json
import secrets
import threading
import time

from ministack.services import cognito

# The wrong codes after which a new one must be requested. AWS has such a limit, and does not document the number.
CODE_ATTEMPTS = 5
# Guide, "Lockout behavior for failed sign-in attempts": the fifth failure locks the user for a second, and each further
# one for twice as long, up to about 15 minutes. Guide, "Adding MFA to a user pool": this applies to codes too.
FREE_ATTEMPTS = 5
MAX_LOCK = 900
# A code is accepted one step of 30 seconds before and after its time.
STEP = 30
DRIFT = (0, -1, 1)

error, answer, now = cognito.error_response_json, cognito.json_response, cognito._now_epoch
lock = threading.RLock()
# The challenges that wait for a response, by session.
challenges = {}


def attributes(user):
    return cognito._attr_list_to_dict(user.get("Attributes", []))


def set_attributes(user, changes):
    """Sets attributes. A blank value deletes the attribute (API reference, "UpdateUserAttributes")."""
    values = attributes(user) | changes
    user["Attributes"] = cognito._dict_to_attr_list({name: value for name, value in values.items() if value != ""})
    user["UserLastModifiedDate"] = now()


def is_true(value):
    return str(value).lower() == "true"


def is_alias(pool):
    return "email" in (pool.get("AliasAttributes") or [])


def same(pool, one, other):
    """Compares names or addresses (guide, "User pool case sensitivity")."""
    if (pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True):
        return one == other
    return str(one).lower() == str(other).lower()


def holder(pool, email, without=None):
    """The user who confirmed an address, other than `without`."""
    for user in pool["_users"].values():
        values = attributes(user)
        if user is not without and is_true(values.get("email_verified")) and same(pool, values.get("email"), email):
            return user
    return None


def alias_error(pool, user, email, force=False):
    """AliasExistsException if another user has confirmed the address. `force` moves the alias instead (API reference,
    "ConfirmSignUp", ForceAliasCreation)."""
    other = holder(pool, email, user) if is_alias(pool) and email else None
    if other is None:
        return None
    if force:
        set_attributes(other, {"email_verified": "false"})
        return None
    return error("AliasExistsException", "An account with the email already exists.", 400)


def with_aliases(resolve_user):
    """Finds users by a confirmed address, and in any case (guide, "Customizing sign-in attributes")."""

    def resolve(pool, username):
        user, problem = resolve_user(pool, username)
        if problem is None or not username:
            return user, problem
        for name, other in list(pool["_users"].items()):
            if same(pool, name, username):
                return other, None
        other = holder(pool, username) if is_alias(pool) else None
        return (other, None) if other else (user, problem)

    return resolve


def new_name_error(pool, username):
    """Refuses a name that is taken in another case, and one that looks like an address (guide, "Customizing sign-in
    attributes": a user name must not have the format of an alias)."""
    if is_alias(pool) and cognito._USERNAME_EMAIL_RE.fullmatch(username or ""):
        message = "Username cannot be of email format, since user pool is configured for email alias."
        return error("InvalidParameterException", message, 400)
    if any(same(pool, name, username) for name in list(pool["_users"])):
        return error("UsernameExistsException", "User already exists", 400)
    return None


def checking_names(sign_up):
    def run(data):
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        return (pool and new_name_error(pool, data.get("Username"))) or sign_up(data)

    return run


def checking_aliases(admin_create_user):
    """API reference, "AdminCreateUser": ForceAliasCreation, MessageAction."""

    def run(data):
        pool, problem = cognito._resolve_pool(data.get("UserPoolId"))
        if problem:
            return problem
        if (data.get("MessageAction") or "").upper() == "RESEND":
            user, problem = cognito._resolve_user(pool, data.get("Username"))
            if problem:
                return problem
            if user["UserStatus"] != "FORCE_CHANGE_PASSWORD":
                message = f"Resend not possible. {user['UserStatus']} status is not FORCE_CHANGE_PASSWORD"
                return error("UnsupportedUserStateException", message, 400)
            user["_password"] = data.get("TemporaryPassword") or cognito._generate_temp_password()
            return admin_create_user(data | {"Username": user["Username"]})
        values = cognito._attr_list_to_dict(data.get("UserAttributes", []))
        problem = new_name_error(pool, data.get("Username"))
        if problem is None and is_true(values.get("email_verified")):
            problem = alias_error(pool, None, values.get("email"), data.get("ForceAliasCreation"))
        return problem or admin_create_user(data)

    return run


def verifying(confirm_sign_up):
    """A confirmed code also verifies the address, unless it is another user's alias (API reference, "ConfirmSignUp")."""

    def run(data):
        with lock:
            pool, _ = cognito._pool_for_client(data.get("ClientId"))
            user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
            email = attributes(user).get("email") if user else None
            problem = alias_error(pool, user, email, data.get("ForceAliasCreation")) if user else None
            result = problem or confirm_sign_up(data)
            if user and email and result[0] == 200:
                set_attributes(user, {"email_verified": "true"})
            return result

    return run


def waits_for_code(pool):
    settings = pool.get("UserAttributeUpdateSettings") or {}
    return "email" in (settings.get("AttributesRequireVerificationBeforeUpdate") or [])


def send_code(pool, user, email):
    """Mails a code to an address that the user must confirm."""
    user["_pending_email"], user["_email_code"] = email, f"{secrets.randbelow(10**6):06d}"
    user["_email_failures"] = 0
    cognito._send_verification_email(pool, user["Username"], {"email": email}, user["_email_code"])
    destination = cognito._masked_destination(email)
    return {"Destination": destination, "DeliveryMedium": "EMAIL", "AttributeName": "email"}


def update(pool, user, changes):
    """Changes attributes. A new address waits for its code (API reference, "UserAttributeUpdateSettingsType")."""
    delivered, email, values = [], changes.get("email"), attributes(user)
    is_known = is_true(values.get("email_verified")) and values.get("email") == email
    if email and waits_for_code(pool) and not is_true(changes.get("email_verified")):
        changes = {name: value for name, value in changes.items() if name != "email"}
        if not is_known:
            delivered = [send_code(pool, user, email)]
    set_attributes(user, changes)
    return delivered


def update_user_attributes(data):
    """API reference, "UpdateUserAttributes"."""
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return error("NotAuthorizedException", "Invalid Access Token", 400)
    changes = cognito._attr_list_to_dict(data.get("UserAttributes", []))
    if changes.keys() & {"sub", "email_verified", "phone_number_verified"}:
        return error("NotAuthorizedException", "A client attempted to write unauthorized attribute", 400)
    with lock:
        return answer({"CodeDeliveryDetailsList": update(pool, user, changes)})


def admin_update_user_attributes(data):
    """API reference, "AdminUpdateUserAttributes": with email_verified, a new address counts at once."""
    pool, problem = cognito._resolve_pool(data.get("UserPoolId"))
    user, problem = cognito._resolve_user(pool, data.get("Username")) if pool else (None, problem)
    if problem:
        return problem
    changes = cognito._attr_list_to_dict(data.get("UserAttributes", []))
    with lock:
        if is_true(changes.get("email_verified")):
            email = changes.get("email") or attributes(user).get("email")
            problem = alias_error(pool, user, email)
            if problem:
                return problem
            user.pop("_email_code", None)
        update(pool, user, changes)
    return answer({})


def verify_user_attribute(data):
    """API reference, "VerifyUserAttribute"."""
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return error("NotAuthorizedException", "Invalid Access Token", 400)
    if data.get("AttributeName") != "email":
        return error("InvalidParameterException", "Only the e-mail address can be verified here.", 400)
    with lock:
        if user.get("_email_failures", 0) >= CODE_ATTEMPTS:
            return error("LimitExceededException", "Attempt limit exceeded, please try after some time.", 400)
        problem = cognito._code_error(user.get("_email_code"), data.get("Code"))
        if problem:
            user["_email_failures"] = user.get("_email_failures", 0) + 1
            return problem
        problem = alias_error(pool, user, user["_pending_email"])
        if problem:
            return problem
        set_attributes(user, {"email": user.pop("_pending_email"), "email_verified": "true"})
        del user["_email_code"]
    return answer({})


def get_user_attribute_verification_code(data):
    """API reference, "GetUserAttributeVerificationCode"."""
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken"))
    if not user:
        return error("NotAuthorizedException", "Invalid Access Token", 400)
    email = user.get("_pending_email") or attributes(user).get("email")
    if data.get("AttributeName") != "email" or not email:
        return error("InvalidParameterException", "The user has no such attribute.", 400)
    return answer({"CodeDeliveryDetails": send_code(pool, user, email)})


def is_locked(user):
    failures, since = user.get("_failures", (0, 0))
    return failures >= FREE_ATTEMPTS and now() < since + min(2 ** (failures - FREE_ATTEMPTS), MAX_LOCK)


def locked():
    return error("NotAuthorizedException", "Password attempts exceeded", 400)


def failed(user):
    failures, since = user.get("_failures", (0, 0))
    # 15 minutes without an attempt end the lockout.
    user["_failures"] = (1 if now() > since + MAX_LOCK else failures + 1, now())


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
    """What follows a correct password: a challenge or tokens (guide, "Authentication with Amazon Cognito user pools")."""
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        known = json.dumps(attributes(user))
        parameters = {"requiredAttributes": "[]", "userAttributes": known}
        return challenge(pool, client_id, user, "NEW_PASSWORD_REQUIRED", parameters)
    if pool.get("MfaConfiguration", "OFF") != "OFF" and "SOFTWARE_TOKEN_MFA" in user.get("_mfa_enabled", []):
        return challenge(pool, client_id, user, "SOFTWARE_TOKEN_MFA", {"FRIENDLY_DEVICE_NAME": "TOTP device"})
    result = cognito._build_auth_result(pool_id, client_id, user, client_metadata=client_metadata)
    return answer({"AuthenticationResult": result})


def password_auth_result(pool, pid, cid, user, _username, client_metadata=None, data=None):
    del data
    return next_step(pool, pid, cid, user, client_metadata)


def answer_challenge(pool, pool_id, client_id, user, name, responses):
    if name == "NEW_PASSWORD_REQUIRED":
        password = responses.get("NEW_PASSWORD", "")
        problem = cognito._validate_password(pool, password)
        if problem:
            return problem
        user["_password"], user["UserStatus"] = password, "CONFIRMED"
        user["UserLastModifiedDate"] = now()
    else:
        if is_locked(user):
            return locked()
        mismatch = error("CodeMismatchException", "Invalid code received for user", 400)
        code = responses.get("SOFTWARE_TOKEN_MFA_CODE")
        problem = use_code(user, user.get("_totp_secret"), code, mismatch) if user.get("_totp_secret") else mismatch
        if problem:
            return problem
        return answer({"AuthenticationResult": cognito._build_auth_result(pool_id, client_id, user)})
    return next_step(pool, pool_id, client_id, user)


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
            # An alias is refused.
            if not known or not same(pool, entry["user"], responses.get("USERNAME")):
                return error("NotAuthorizedException", "Invalid session for the user.", 400)
            if entry["expires"] < time.time():
                return error("NotAuthorizedException", "Invalid session for the user, session is expired.", 400)
            user = pool["_users"].get(entry["user"])
            if user is None or not user.get("Enabled", True):
                return error("NotAuthorizedException", "User is disabled.", 400)
            result = answer_challenge(pool, pool_id, client_id, user, name, responses)
            if result[0] == 200:
                challenges.pop(data.get("Session"), None)
            return result

    return run


ADDED = {
    "GetUserAttributeVerificationCode": get_user_attribute_verification_code,
    "VerifyUserAttribute": verify_user_attribute,
}


def with_added(dispatch):
    """Adds operations that ministack lacks."""

    async def run(action, data):
        handler = ADDED.get(action)
        if handler is None:
            return await dispatch(action, data)
        return await cognito.run_reentrant(
            cognito._run_idp_handler, handler, action, data, thread_name="ministack-cognito-trigger"
        )

    return run


def install():
    """Replaces ministack's functions."""
    cognito._UNSIGNED_IDP_ACTIONS |= ADDED.keys()
    cognito._resolve_user = with_aliases(cognito._resolve_user)
    cognito._sign_up = checking_names(cognito._sign_up)
    cognito._admin_create_user = checking_aliases(cognito._admin_create_user)
    cognito._confirm_sign_up = verifying(cognito._confirm_sign_up)
    cognito._update_user_attributes = update_user_attributes
    cognito._admin_update_user_attributes = admin_update_user_attributes
    cognito._associate_software_token = associate_software_token(cognito._associate_software_token)
    cognito._verify_software_token = verify_software_token
    cognito._set_user_mfa_preference = set_user_mfa_preference(cognito._set_user_mfa_preference)
    cognito._password_auth_result = password_auth_result
    cognito._respond_to_auth_challenge = checking_sessions(cognito._respond_to_auth_challenge)
    cognito._dispatch_idp = with_added(cognito._dispatch_idp)
