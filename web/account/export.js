// The export of the user's data as a file.

import { busy, h } from "../dom.js";
import { save } from "../downloads.js";
import { laterTexts } from "../later-texts.js";
import { notice, showError } from "../notice.js";
import { state } from "../state.js";
import { texts } from "../texts.js";
import { exportFile } from "./export-file.js";

const words = laterTexts.account;

/** Creates the section for the export. `cancel` ends an export that is under way, for example because the user logs out. */
export function exportSection() {
  let running = new AbortController();
  const cancel = () => running.abort();
  const text = h("p", { id: "export-progress" });
  const bar = h("progress", { "aria-labelledby": "export-progress" });
  /** @type {import("./export-file.js").OnProgress} */
  const show = (what, done, all) => {
    text.textContent = words.exporting[what](done, all);
    // A list can be longer than its number in the profile, which was read before.
    bar.max = Math.max(done, all, 1);
    bar.value = done;
  };
  const progress = h("div", { class: "card-body", hidden: true }, text, bar, h("p", { class: "quiet" }, words.exportStays));
  const cancelButton = h("button", { type: "button", class: "button", hidden: true, onclick: cancel }, texts.cancel);
  const run = async () => {
    running = new AbortController();
    show("images", 0, state.profile?.usage.images ?? 0);
    progress.hidden = cancelButton.hidden = false;
    try {
      save(await exportFile(running.signal, show));
      notice(words.exported);
    } catch (error) {
      if (!running.signal.aborted) showError(error);
    } finally {
      progress.hidden = cancelButton.hidden = true;
    }
  };
  const start = h("button", { type: "button", class: "button", onclick: async () => {
    await busy(start, run);
    // This button is hidden now.
    if (document.activeElement === cancelButton) start.focus();
  } }, words.export);
  const element = h("section", { class: "card" },
    h("h2", null, words.data),
    h("p", { class: "quiet" }, words.dataLead),
    h("div", { class: "actions" }, start, cancelButton),
    progress,
    h("p", { class: "quiet" }, state.tier?.original_link ? words.saveOriginals : words.savePictures, " ",
      h("a", { href: "#/" }, words.toPictures)));
  return { element, cancel };
}
