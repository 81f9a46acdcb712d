// The entry point. Shows the view for the current URL, and handles login, logout, and dropped or pasted files.

import { session, onSessionEnded } from "./api.js";
import { fill, h, icon, isTyping } from "./dom.js";
import { filesOf } from "./files.js";
import { resetImages, uploadImages } from "./images.js";
import { notice, commitDeferred } from "./notice.js";
import { clearProfile, isAdmin, loadProfile, state } from "./state.js";
import { texts } from "./texts.js";
import { uploadTray } from "./tray.js";
import { uploads } from "./uploads.js";
import { accountView } from "./views/account.js";
import { adminView } from "./views/admin.js";
import { authView } from "./views/auth.js";
import { guestView } from "./views/guest.js";
import { openImage } from "./views/image.js";
import { phoneView } from "./views/phone.js";
import { resetUploadOptions, photosView, uploadOptions } from "./views/photos.js";
import { setView, setsView } from "./views/sets.js";
import { stopWatching } from "./watcher.js";

const main = h("main", { id: "main", tabindex: "-1" });
const header = h("header", { class: "top", hidden: true });
const dropHint = h("div", { class: "drop-hint", "aria-hidden": "true" }, icon("upload"), h("p", null, texts.photos.drop));
document.body.prepend(
  h("a", { class: "skip", href: "#main", onclick: (event) => {
    event.preventDefault();
    main.focus();
  } }, texts.skip),
  header, main, uploadTray(), dropHint);
document.querySelector(".booting")?.remove();

/**
 * The view on the page. `address` is its URL fragment without an open picture.
 * @type {Record<string, any> | null}
 */
let current = null;
/** @type {HTMLDialogElement | null} */
let lightbox = null;
let showCount = 0;
/** Whether `history.back()` leads from a picture to its list. It does not if the page was opened at the picture. */
let openedFromList = false;

/** Parses the part of the URL after `#` into the segments of its path and its parameters. */
function address() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decodePart),
    parameters: Object.fromEntries(new URLSearchParams(search)),
  };
}

function decodePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const AUTH = ["login", "register", "confirm", "forgot"];
/** The view that needs no login, and is the same for users. */
const GUEST = "send";

/**
 * Finds the view for an address. Two addresses with the same `key` show the same view.
 * @param {{parts: string[], parameters: Record<string, string>}} address
 * @returns {{nav: string | null, key: string, make: () => any, tab?: string, image?: string, admin?: boolean, guest?: boolean}}
 */
function route({ parts: [first = "", second, third], parameters }) {
  const key = JSON.stringify([first, second, parameters]);
  switch (first) {
    case "": return { nav: "", key, make: () => photosView({ status: parameters.status }) };
    case "images": return { nav: "", key: current?.holdsImages ? current.key : route({ parts: [], parameters: {} }).key, image: second,
      make: () => photosView() };
    case "sets": return second ? { nav: "sets", key, make: () => setView({ id: second }) } : { nav: "sets", key, make: setsView };
    case "phone": return { nav: "phone", key, make: () => phoneView({ number: second }) };
    case "account": return { nav: "account", key, make: () => accountView({ onLogout }) };
    case "send": return { nav: null, key, make: () => guestView({ id: second ?? "" }), guest: true };
    case "admin": {
      if (!isAdmin()) break;
      const tab = ["images", "sets", "users", "tiers", "queues", "audit"].includes(second) ? second : "images";
      const inAdmin = current?.nav === "admin" && current.tab === tab && third;
      return { nav: "admin", tab, key: inAdmin ? current?.key : JSON.stringify(["admin", tab, parameters]), image: third, admin: true,
        make: () => adminView(tab, parameters) };
    }
  }
  return { nav: null, key, make: () => ({ title: texts.name, element: h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, texts.notFound)) }) };
}

async function show() {
  const thisShow = ++showCount;
  lightbox?.close();
  const parsed = address();
  if (!state.profile && parsed.parts[0] !== GUEST) return showAuth();
  if (AUTH.includes(parsed.parts[0])) return location.replace("#/");
  const target = route(parsed);
  if (current?.key !== target.key) {
    let view;
    try {
      view = await target.make();
    } catch (error) {
      if (error.name === "AbortError") return;
      view = { title: texts.name, element: errorView(error, () => {
        current = null;
        show();
      }) };
    }
    if (thisShow !== showCount) return view.dispose?.();
    // A dialog belongs to its view, and may contain a link to another one.
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    current?.dispose?.();
    current = { ...view, key: target.key, nav: target.nav, tab: target.tab, holdsImages: Boolean(view.list) && !target.admin };
    fill(main, view.element);
    view.shown?.();
    scrollTo(0, 0);
    if (target.guest) header.hidden = true;
    else drawHeader();
    if (!target.image) focusHeading();
  }
  if (!target.image && current) {
    current.address = location.hash || "#/";
    openedFromList = true;
  }
  document.title = current?.title === texts.name ? texts.name : `${current?.title} · ${texts.name}`;
  if (target.image && current?.list) showImage(target.image, target.admin);
}

/** Opens a picture above its list. When the picture is closed, the URL is that of the list again. */
function showImage(image, admin = false) {
  const back = current?.address ?? (admin ? "#/admin/images" : "#/");
  let replaced = false;
  const opened = openImage({
    id: image,
    list: current?.list,
    admin,
    go: (id) => {
      replaced = true;
      location.replace(`${admin ? "#/admin/images" : "#/images"}/${id}`);
    },
    onclose: () => {
      if (lightbox === opened) lightbox = null;
      const stillHere = location.hash === `#${admin ? "/admin" : ""}/images/${image}`;
      if (!replaced && stillHere) {
        if (openedFromList) history.back();
        else location.replace(back);
      }
      /** @type {HTMLElement | null} */ (document.querySelector(`.tile[data-id="${CSS.escape(image)}"] a`))?.focus({ preventScroll: true });
    },
  });
  lightbox = opened;
}

function showAuth() {
  const { parts: [first] } = address();
  const name = AUTH.includes(first) ? first : "login";
  current?.dispose?.();
  current = null;
  header.hidden = true;
  fill(main, authView(name, { onLogin, redraw: showAuth }));
  document.title = `${texts.auth[name] ?? texts.auth.login} · ${texts.name}`;
  main.querySelector("input")?.focus();
}

function errorView(error, again) {
  return h("div", { class: "empty", role: "alert" }, icon("alert"), h("h1", { tabindex: "-1" }, error.message),
    error.code === "second-factor-required" && h("a", { class: "button primary", href: "#/account" }, texts.account.setUpTotp),
    h("button", { type: "button", class: "button", onclick: again }, texts.retry));
}

function focusHeading() {
  main.querySelector("h1")?.focus({ preventScroll: true });
}

function drawHeader() {
  const link = (name, href, symbol, label) =>
    h("a", { href, "aria-current": current?.nav === name ? "page" : null }, icon(symbol), h("span", null, label));
  header.hidden = false;
  fill(header,
    h("a", { class: "brand", href: "#/", "aria-label": texts.name }, icon("aperture"), h("span", null, texts.name)),
    h("nav", { "aria-label": texts.nav.label },
      link("", "#/", "photos", texts.nav.photos),
      link("sets", "#/sets", "sets", texts.nav.sets),
      link("phone", "#/phone", "phone", texts.nav.phone),
      isAdmin() && link("admin", "#/admin", "admin", texts.nav.admin),
      link("account", "#/account", "account", texts.nav.account)));
}

async function onLogin() {
  await loadProfile();
  if (AUTH.includes(address().parts[0])) history.replaceState(null, "", "#/");
  await show();
}

/** Removes all data of the user, because another user may log in next. */
function clearUser() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  commitDeferred(true);
  stopWatching();
  uploads.reset();
  resetUploadOptions();
  resetImages();
  clearProfile();
}

function onLogout() {
  clearUser();
  history.replaceState(null, "", "#/");
  show();
}

onSessionEnded(() => {
  clearUser();
  notice(texts.signedOut);
  show();
});
addEventListener("hashchange", show);
// Uploads and deletions change the usage in the profile.
addEventListener("usage", () => loadProfile().catch(() => {}));

// ------------------------------------------------------------ drag and drop, clipboard

function uploadFiles(files) {
  if (files.length === 0) return;
  if (current?.upload) current.upload(files);
  else if (state.profile) uploadImages(files, uploadOptions());
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && (state.profile || current?.upload);
addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
// In the capture phase, because elements that accept drops stop the event.
addEventListener("drop", () => document.body.classList.remove("dropping"), { capture: true });
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  uploadFiles(filesOf(event.dataTransfer));
});
addEventListener("paste", (event) => {
  if (isTyping(event)) return;
  uploadFiles(filesOf(event.clipboardData));
});

// ------------------------------------------------------------ start

async function start() {
  try {
    if (session.isLikely) await loadProfile();
  } catch (error) {
    // The user stays logged in while the service is not available.
    if (error.transient && address().parts[0] !== GUEST) return fill(main, errorView(error, start));
  }
  await show();
}

await start();
