// Requests that contain the user's password.

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
