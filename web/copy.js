// A button that copies a text.

import { iconButton } from "./dom.js";
import { notice } from "./notice.js";
import { texts } from "./texts.js";

/** Creates a button that copies `text`, and then shows the notice `done`. */
export function copyButton(text, label, done) {
  return iconButton("copy", label, async () => {
    try {
      await navigator.clipboard.writeText(text);
      notice(done);
    } catch {
      notice(texts.image.copyFailed, { kind: "error" });
    }
  });
}
