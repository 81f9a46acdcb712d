// Sentences for errors about the user's password and the codes of an authenticator app.

import { texts } from "../texts.js";

/**
 * Makes a request with a password. If the password is wrong, the error names its field.
 * @template Response
 * @param {string} field
 * @param {() => Promise<Response>} request
 */
export async function withPassword(field, request) {
  try {
    return await request();
  } catch (error) {
    if (error.code !== "wrong-password") throw error;
    throw Object.assign(new Error(texts.problem(error.problem)), { field });
  }
}

/**
 * Makes a request with a code of an authenticator app. The usual sentences are about codes in e-mails.
 * @template Response
 * @param {() => Promise<Response>} request
 */
export async function withTotpCode(request) {
  try {
    return await request();
  } catch (error) {
    const sentence = texts.auth.totpProblems[error.code];
    throw sentence ? Object.assign(new Error(sentence), { field: "code" }) : error;
  }
}
