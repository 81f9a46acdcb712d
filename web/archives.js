// Archives of many originals. The service makes them, and a notice shows the progress.

import { call } from "./api.js";
import { h } from "./dom.js";
import { notice } from "./notice.js";
import { texts } from "./texts.js";

const words = texts.select;
/** The maximum number of pictures in an archive. */
const MAX_FILES = 500;
const POLL_MS = 2000;

/** Requests archives of pictures, as few as possible, and follows each of them. @param {string[]} ids */
export async function downloadArchives(ids) {
  for (let from = 0; from < ids.length; from += MAX_FILES) {
    const body = { image_ids: ids.slice(from, from + MAX_FILES) };
    follow(await call("POST", "/api/downloads", { body, key: crypto.randomUUID() }));
  }
}

/** Shows the progress of an archive until it is ready, and then saves it. @param {Api.Download} download */
async function follow(download) {
  const text = h("span");
  let isClosed = false;
  const end = notice(text, { stays: true, onend: () => {
    isClosed = true;
  } });
  let latest = download;
  try {
    while (latest.status === "queued" && !isClosed) {
      const line = words.packing(latest.files_done, download.files);
      if (text.textContent !== line) text.textContent = line;
      await new Promise((wake) => setTimeout(wake, POLL_MS));
      latest = await call("GET", `/api/downloads/${download.id}`).catch((error) => {
        // The service goes on packing meanwhile.
        if (error.transient) return latest;
        throw error;
      });
    }
  } catch (error) {
    end();
    return notice(error.message, { kind: "error" });
  }
  if (isClosed) return;
  end();
  const { files_done: done, failure, url } = latest;
  if (failure) return notice(texts.failure(failure), { kind: "error" });
  if (!url) return;
  // Browsers open a tab only after a click. A download in this tab may make the page ask whether to leave it.
  // The listeners of this event know.
  const wouldAsk = !dispatchEvent(new Event("beforeunload", { cancelable: true }));
  const link = h("a", { class: "text-button", href: url, target: "_blank", rel: "noopener" }, words.saveArchive);
  notice(words.packed(done), { actions: [link], stays: wouldAsk });
  if (!wouldAsk) location.assign(url);
}
