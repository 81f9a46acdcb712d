// The page of an upload link, on which guests without an account send pictures.

import { callPublic } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { chooseFiles } from "../files.js";
import { time } from "../format.js";
import { texts } from "../texts.js";
import { uploadRows } from "../tray.js";
import { Uploads } from "../uploads.js";

const words = texts.guest;
const MIN_DELAY_MS = 1000;
const MAX_DELAY_MS = 5000;

/** @param {{id: string}} parameters */
export async function guestView({ id }) {
  const path = `/api/upload-links/${encodeURIComponent(id)}/images`;
  /** @type {Api.GuestLink} */
  let link;
  try {
    link = await callPublic("GET", path);
  } catch (error) {
    if (error.status === 404) return { title: words.title, element: guestPage(h("p", { role: "alert" }, error.message)) };
    throw error;
  }
  const uploads = new Uploads({
    // The same key returns the image that it created, with a new URL.
    renew: async (item) => (await item.createImage(item.key)).upload,
    // Guests cannot delete. The service deletes an image without a file within a day.
    remove: async () => {},
    removeWhileLeaving: () => {},
    watch: (id, listener, signal) => watcher.watch(id, listener, signal),
  });
  const facts = h("p", { class: "quiet" });
  const status = h("p", { class: "guest-status", role: "status" });
  const rows = uploadRows(uploads);
  const list = h("section", { class: "card guest-list", hidden: true }, h("h2", null, words.sent), rows.element);
  const button = h("button", { type: "button", class: "drop", onclick: async () => upload(await chooseFiles()) },
    icon("upload"), h("strong", null, words.choose), h("span", null, words.drop));
  const watcher = linkWatcher(path, (changed) => {
    link = changed;
    show();
  });

  /** How many images the link still takes, without the files that this page is about to send. */
  const free = () => link.remaining - uploads.items.filter((item) => item.image === null && item.isUnsent).length;
  const createdKeys = new Set();
  const create = async (file, key) => {
    const { results: [result] } = await callPublic("POST", path, { body: { files: [file] }, key });
    if (!createdKeys.has(key)) link = { ...link, remaining: link.remaining - 1 };
    createdKeys.add(key);
    return result;
  };
  /** @param {Iterable<File>} files */
  const upload = (files) => {
    let left = free();
    uploads.add(files, create, { refuse: (file) => {
      if (file.size > link.max_image_bytes) return words.tooLarge(link.max_image_bytes);
      left -= 1;
      return left < 0 ? words.tooMany : null;
    } });
  };
  const show = () => {
    const { items } = uploads;
    const left = free();
    const open = [words.remaining(left), words.limit(link.max_image_bytes), words.until(time(link.expires_at))];
    const isBusy = items.some((item) => !item.isFinished);
    fill(facts, left > 0 ? open.join(" ") : !isBusy && words.full);
    button.hidden = left <= 0;
    list.hidden = items.length === 0;
    rows.update();
    const [arrived, all] = [items.filter((item) => item.state === "ready").length, items.filter((item) => item.state !== "cancelled").length];
    const text = arrived === 0 ? "" : arrived === all ? words.thanks : words.arrived(arrived);
    if (status.textContent !== text) status.textContent = text;
  };
  const warn = (event) => {
    if (uploads.hasUnsent) event.preventDefault();
  };
  uploads.addEventListener("change", show);
  addEventListener("beforeunload", warn);
  show();
  return {
    title: words.title,
    upload,
    element: guestPage(h("p", null, words.lead), facts, button, status, list),
    dispose: () => {
      removeEventListener("beforeunload", warn);
      uploads.reset();
    },
  };
}

const guestPage = (...parts) => h("div", { class: "guest" },
  h("p", { class: "guest-brand" }, icon("aperture"), texts.name), h("h1", { tabindex: "-1" }, words.title), parts);

/**
 * Polls an upload link while its images are processed. Calls `onLink` with each response.
 * @param {string} path
 * @param {(link: Api.GuestLink) => void} onLink
 */
function linkWatcher(path, onLink) {
  /** @type {Map<string, (image: any) => void>} */
  const listeners = new Map();
  let [timer, delay] = [0, MIN_DELAY_MS];
  const schedule = () => {
    clearTimeout(timer);
    if (listeners.size > 0) timer = setTimeout(poll, delay);
    delay = Math.min(delay * 1.3, MAX_DELAY_MS);
  };
  const poll = async () => {
    try {
      const link = await callPublic("GET", path);
      onLink(link);
      for (const { id, status, code } of link.images) {
        const listener = listeners.get(id);
        if (!listener || status === "pending") continue;
        if (status !== "processing") listeners.delete(id);
        listener({ id, status, failure: code ? { code, detail: "" } : null });
      }
    } catch (error) {
      // The link was revoked or has expired. The service processes the images nevertheless.
      if (error.status === 404) {
        for (const [id, listener] of listeners) listener({ id, status: "ready" });
        listeners.clear();
      }
    }
    schedule();
  };
  return {
    watch(id, listener, signal) {
      listeners.set(id, listener);
      signal.addEventListener("abort", () => listeners.delete(id));
      delay = MIN_DELAY_MS;
      schedule();
    },
  };
}
