"""Makes ministack's Cognito do what AWS documents, where ministack differs.

It adds confirmed e-mail addresses as aliases, changes of an address that wait for a code, and what `challenges.py`
contains. The title in each docstring is the page of AWS's documentation. "API reference"
is the Amazon Cognito user pools API reference, and "guide" is the Amazon Cognito Developer Guide.
"""

import secrets
import threading

from ministack.services import cognito

import challenges

# The wrong codes after which a new one must be requested. AWS has such a limit, and does not document the number.
CODE_ATTEMPTS = 5
error, answer, now = cognito.error_response_json, cognito.json_response, cognito._now_epoch
lock = threading.RLock()


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
    for user in list(pool["_users"].values()):
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
    """API reference, "AdminCreateUser": ForceAliasCreation, MessageAction. A taken address gives
    UsernameExistsException: the page lists no AliasExistsException, and boto/boto3#3213 reports it."""

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
        if problem := new_name_error(pool, data.get("Username")):
            return problem
        is_verified = is_true(values.get("email_verified"))
        if is_verified and alias_error(pool, None, values.get("email"), data.get("ForceAliasCreation")):
            return error("UsernameExistsException", "An account with the given email already exists.", 400)
        return admin_create_user(data)

    return run


def verifying(confirm_sign_up):
    """A confirmed code verifies the address, unless it is another user's alias (API reference, "ConfirmSignUp")."""

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
    """API reference, "AdminUpdateUserAttributes": with email_verified, a new address counts at once. If it is the alias
    of another user, that user loses it (boto/boto3#3213). The page lists AliasExistsException too, but a function must
    not rely on it."""
    pool, problem = cognito._resolve_pool(data.get("UserPoolId"))
    user, problem = cognito._resolve_user(pool, data.get("Username")) if pool else (None, problem)
    if problem:
        return problem
    changes = cognito._attr_list_to_dict(data.get("UserAttributes", []))
    with lock:
        if is_true(changes.get("email_verified")):
            alias_error(pool, user, changes.get("email") or attributes(user).get("email"), force=True)
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
    challenges.install()
    cognito._dispatch_idp = with_added(cognito._dispatch_idp)
