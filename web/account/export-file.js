// Collects what the service stores about the user in one JSON file, which docs/WEB.md describes. The file contains nothing
// that expires soon, and nothing with which somebody else could see or send pictures.

import { call } from "../api.js";
import { query } from "../query.js";
import { retry } from "../retry.js";
import { PAGE_SIZE } from "../tiles.js";

const MAX_ATTEMPTS = 5;
/** How many requests for the links of single pictures are sent at the same time. */
const MAX_PARALLEL = 4;

/** The members of an image that the page asks for: all but addresses of files. A list signs only the addresses that it contains. */
export const FIELDS = [
  "id", "file_name", "title", "description", "content_type", "size", "width", "height", "version", "status", "failure",
  "created_at", "updated_at", "uploaded_at", "focal_point", "placeholder", "exif", "set", "phone_number", "upload_link",
  "source_image_id", "edit_prompt", "edit_image_id", "analysis", "dropbox", "trash",
];
/** The members of links and upload links that the file leaves out. Whoever has one of them can use the link. */
const SECRETS = ["id", "url"];

/** @typedef {(path: string, parameters?: Record<string, unknown>) => Promise<any>} Get sends a request */
/** @typedef {(what: "images" | "sets" | "links", done: number, all: number) => void} OnProgress */

/**
 * Requests everything of the user. Fails if a request fails, or if the signal is aborted.
 * @param {AbortSignal} signal
 * @param {OnProgress} onProgress
 * @returns {Promise<File>}
 */
export async function exportFile(signal, onProgress) {
  /** @type {Get} */
  const get = (path, parameters = {}) =>
    retry(() => call("GET", `${path}${query(parameters)}`, { signal }), MAX_ATTEMPTS, signal);
  const profile = await get("/api/auth/profile");
  const { usage, username } = profile;
  const exportedAt = new Date().toISOString();
  /** The text of the file. The browser joins the parts. @type {string[]} */
  const parts = ['{\n"format": "darkroom-export",\n"version": 1'];
  const add = (name, value) => parts.push(`,\n"${name}": ${JSON.stringify(value)}`);
  /** Adds a list, of which only one page is in memory. `convert` returns what the file contains of a page. */
  const addList = async (name, pages, convert = (page) => page) => {
    parts.push(`,\n"${name}": [`);
    let separator = "\n";
    for await (const page of pages) {
      for (const item of convert(page)) {
        parts.push(separator, JSON.stringify(item));
        separator = ",\n";
      }
    }
    parts.push("\n]");
  };
  let images = 0;
  /** The pictures that can have links. @type {string[]} */
  const shareable = [];
  const addImages = (name, parameters) =>
    addList(name, pagesOf(get, "/api/images", "images", { fields: FIELDS.join(), ...parameters }), (page) => {
      images += page.length;
      onProgress("images", images, usage.images);
      shareable.push(...page.filter(({ width, trash }) => width !== null && trash === null).map(({ id }) => id));
      return page.map(exportedImage);
    });
  let sets = 0;
  const countSets = (page) => {
    sets += page.length;
    onProgress("sets", sets, usage.sets);
    return page;
  };

  add("exported_at", exportedAt);
  add("profile", profile);
  // The trash follows, so that a picture which the user deletes meanwhile is not missing.
  await addImages("images", {});
  await addImages("trash", { trashed: true });
  // The images themselves are in the file already.
  await addList("imagesets", pagesOf(get, "/api/imagesets", "imagesets", { fields: "id" }), countSets);
  await addList("links", linksOf(get, shareable, usage.links, onProgress));
  add("upload_links", (await get("/api/upload-links")).upload_links.map((link) => without(link, SECRETS)));
  add("webhooks", (await get("/api/webhooks")).webhooks);
  add("keys", (await get("/api/keys")).keys);
  parts.push("\n}\n");
  signal.throwIfAborted();
  return new File(parts, `darkroom-export-${username}-${exportedAt.slice(0, 10)}.json`, { type: "application/json" });
}

/** What the file contains of an image. The id of an upload link is its secret. @param {Api.Image} image */
function exportedImage(image) {
  return { ...without(image, ["upload_link"]), is_from_guest: image.upload_link !== null };
}

/** Returns a copy of an object without some members. */
function without(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/**
 * Yields the pages of a list. `member` is the one with the items.
 * @param {Get} get
 * @param {string} path
 * @param {string} member
 * @param {Record<string, unknown>} parameters
 */
async function* pagesOf(get, path, member, parameters) {
  let cursor = null;
  do {
    const page = await get(path, { ...parameters, limit: PAGE_SIZE, cursor });
    yield page[member];
    cursor = page.next_cursor;
  } while (cursor !== null);
}

/**
 * Yields the links of images. The API lists the links of one image at a time, so this ends as soon as `count` links are
 * found. Most users have links to few pictures, if any.
 * @param {Get} get
 * @param {string[]} ids
 * @param {number} count
 * @param {OnProgress} onProgress
 */
async function* linksOf(get, ids, count, onProgress) {
  const ofImage = async (id) => {
    try {
      const { links } = await get(`/api/images/${id}/links`);
      return links.map((link) => ({ image_id: id, ...without(link, SECRETS) }));
    } catch (error) {
      // The user has deleted the picture meanwhile.
      if (error.status === 404) return [];
      throw error;
    }
  };
  for (let done = 0, found = 0; done < ids.length && found < count; done += MAX_PARALLEL) {
    onProgress("links", done, ids.length);
    const links = (await Promise.all(ids.slice(done, done + MAX_PARALLEL).map(ofImage))).flat();
    found += links.length;
    yield links;
  }
}
