// What the user wants AI to do with each uploaded picture.

import { mayUseAi } from "./state.js";

/** The options. Kept while the page is open. */
export const options = { analyze: false, edit_prompt: "" };

/** Resets the options, because another user may log in next. */
export function resetUploadOptions() {
  Object.assign(options, { analyze: false, edit_prompt: "" });
}

/** Returns the fields for a new image that depend on the options. */
export function uploadOptions() {
  if (!mayUseAi()) return {};
  return { analyze: options.analyze, edit_prompt: options.edit_prompt.trim() || null };
}
