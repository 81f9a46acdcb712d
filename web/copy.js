// Copying texts to the clipboard.

import { iconButton } from "./dom.js";
import { notice } from "./notice.js";
import { texts } from "./texts.js";

/**
 * Copies `text`, and then shows the notice `done`. Fails if the browser does not allow it.
 * @param {string} text
 * @param {string} done
 */
export async function copy(text, done) {
  await navigator.clipboard.writeText(text);
  notice(done);
}

/** Creates a button that copies `text`, and then shows the notice `done`. */
export function copyButton(text, label, done) {
  return iconButton("copy", label, async () => {
    try {
      await copy(text, done);
    } catch {
      notice(texts.image.copyFailed, { kind: "error" });
    }
  });
}
