// The entry point. Shows the view for the current URL, and handles login, logout, and dropped or pasted files.

import { ADMIN_PICTURES, PICTURES, addressText, adminListOf, listOf, pictureAddress } from "./addresses.js";
import { ApiError, session, onSessionEnded } from "./api.js";
import { resumeArchives, stopArchives } from "./archives.js";
import { finishWhileLeaving } from "./batch.js";
import { confirmDiscard, typedDialog } from "./dialog.js";
import { fill, focusHeading, h, icon, iconButton, isTyping } from "./dom.js";
import { filesOf } from "./files.js";
import { renewImages, resetImages, uploadImages } from "./images.js";
import { commitDeferred, endConfirmations } from "./notice.js";
import { openRelogin } from "./relogin.js";
import { onShortcut, openShortcuts } from "./shortcuts.js";
import { clearProfile, isAdmin, loadProfile, renewProfile, state } from "./state.js";
import { texts } from "./texts.js";
import { uploadTray } from "./tray.js";
import { resetUploadOptions, uploadOptions } from "./upload-options.js";
import { uploads } from "./uploads.js";
import { authView } from "./views/auth.js";
import { guestView } from "./views/guest.js";
import { LargeView } from "./views/image.js";
import { phoneView } from "./views/phone.js";
import { choiceOf, choiceParameters, photosView } from "./views/photos.js";
import { setView, setsView } from "./views/sets.js";
import { trashView } from "./views/trash.js";
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
/** The open picture. @type {LargeView | null} */
let lightbox = null;
/** How far each view was scrolled, by the view's key. @type {Map<string, number>} */
const scrolled = new Map();
let showCount = 0;
/** Whether `history.back()` leads from the open picture to its list. Not if the page was opened at the picture. */
let openedFromList = false;
/** Why the login is shown, if the user has not chosen that. */
let endReason = "";

/** Parses a URL fragment, by default that of the page. @returns {import("./addresses.js").Address} */
function address(fragment = location.hash) {
  const [path, search = ""] = fragment.replace(/^#\/?/, "").split("?");
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
/** The view for guests. It looks the same with and without a login. */
const GUEST = "send";

/** The address of the user's pictures. */
const HOME = { parts: [], parameters: {} };
/** The address of the pictures of all users. */
const ADMIN_HOME = { parts: ["admin", "images"], parameters: {} };

/**
 * A view. Two addresses with the same `key` show the same view. `image` is the id of a picture that is open above the
 * view, and then `address` is the URL fragment of the view itself. `listName` are the parameters that name its list in
 * the addresses of pictures.
 * @typedef {{nav: string | null, key: string, make: () => any, image?: string, address?: string,
 *   listName?: Record<string, string | null>, admin?: boolean, guest?: boolean}} Target
 */

/**
 * Finds the view for an address.
 * @param {import("./addresses.js").Address} address
 * @returns {Target}
 */
function route({ parts: [first = "", second, third], parameters }) {
  const key = JSON.stringify([first, second, parameters]);
  switch (first) {
    case "": {
      const choice = choiceOf(parameters);
      const listName = choiceParameters(choice);
      return { nav: "", key: JSON.stringify([first, choice]), listName, make: () => photosView(choice) };
    }
    case "images": return above(second, listOf(parameters), HOME, Boolean(current?.holdsImages));
    case "trash": return { nav: "", key, make: trashView };
    case "sets":
      if (!second) return { nav: "sets", key, make: setsView };
      return { nav: "sets", key, listName: { set: second }, make: () => setView({ id: second }) };
    case "phone":
      return { nav: "phone", key, listName: { phone: second }, make: () => phoneView({ number: second }) };
    case "account": return { nav: "account", key: JSON.stringify([first, second, third]), make: () => accountPart(second, third) };
    case GUEST: return { nav: null, key, make: () => guestView({ id: second ?? "" }), guest: true };
    case "admin": {
      if (!isAdmin()) break;
      const tab = ["images", "sets", "users", "tiers", "queues", "audit"].includes(second) ? second : "images";
      // A picture opens above any list of admins.
      const isList = current?.nav === "admin" && Boolean(current.list);
      if (tab === "images" && third) return above(third, adminListOf(parameters), ADMIN_HOME, isList);
      const user = tab === "users" ? third : undefined;
      const listName = user ? { user } : parameters;
      return { nav: "admin", key: JSON.stringify(["admin", tab, user, parameters]), listName, admin: true,
        make: async () => (await loadLater()).adminView(tab, { ...parameters, user }) };
    }
  }
  return { nav: null, key, make: () => ({ title: texts.name, element: h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, texts.notFound)) }) };
}

/**
 * Returns the view below a picture: the list that the picture's address names, or else the one that is shown.
 * @param {string} image
 * @param {import("./addresses.js").Address | null} named
 * @param {import("./addresses.js").Address} home the list if there is neither
 * @param {boolean} isList whether the view that is shown can be below the picture
 * @returns {Target}
 */
function above(image, named, home, isList) {
  const list = named ?? home;
  const target = current && isList && !named ? current.target : route(list);
  return { ...target, image, address: addressText(list) };
}

/** How often later.js could not be loaded. */
let laterFailures = 0;
/** How long after the first view the page loads later.js, so that it does not delay the pictures of this view. */
const LATER_MS = 3_000;

/** Loads the views that are in a script of their own. */
async function loadLater() {
  try {
    // Some browsers remember a failure by the address (https://github.com/whatwg/html/issues/6768).
    return (await import(`./later.js${laterFailures > 0 ? `?${laterFailures}` : ""}`)).laterViews;
  } catch (error) {
    laterFailures += 1;
    // After a deployment, the script may be too new for this page.
    if (laterFailures > 2 && navigator.onLine) location.reload();
    throw Object.assign(new ApiError({}), { cause: error });
  }
}

/** Loads later.js soon, because a deployment can replace it while the page is open. */
function preloadLater() {
  setTimeout(() => loadLater().catch(() => {}), LATER_MS);
}

/** Creates the view of the account, or of what belongs to it. @param {string} [name] @param {string} [id] */
async function accountPart(name, id) {
  const { accountView, keysView, webhookView, webhooksView } = await loadLater();
  if (name === "webhooks") return id ? webhookView({ id }) : webhooksView();
  return name === "keys" ? keysView() : accountView({ onLogout });
}

async function show() {
  const thisShow = ++showCount;
  endConfirmations();
  if (current) scrolled.set(current.key, scrollY);
  const parsed = address();
  if (!state.profile && parsed.parts[0] !== GUEST) return showAuth();
  if (AUTH.includes(parsed.parts[0])) return location.replace("#/");
  const target = route(parsed);
  if (lightbox && target.image && current?.key === target.key) {
    nameList(target.image);
    return lightbox.show(target.image);
  }
  lightbox?.close();
  lightbox = null;
  if (current?.key !== target.key) {
    let view;
    try {
      view = await target.make();
    } catch (error) {
      if (error.name === "AbortError") return;
      // The set or user of a picture is gone, but the picture may still exist.
      if (target.image && error.status === 404 && thisShow === showCount && location.hash.includes("?")) {
        return location.replace(location.hash.split("?")[0]);
      }
      view = { title: texts.name, element: errorView(error, () => {
        current = null;
        show();
      }) };
    }
    // The user may have opened a dialog and typed in it while the view was loaded.
    const typed = thisShow === showCount ? typedDialog() : null;
    const isRefused = typed !== null && !await confirmDiscard(typed);
    if (isRefused && thisShow === showCount) history.replaceState(null, "", current?.address);
    if (isRefused || thisShow !== showCount) return view.dispose?.();
    // A dialog belongs to its view, and may contain a link to another one.
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    current?.dispose?.();
    const { key, nav, address } = target;
    current = { ...view, target, key, nav, address, holdsImages: Boolean(view.list) && !target.admin };
    openedFromList = false;
    const choice = main.querySelector("select:focus")?.getAttribute("aria-label");
    fill(main, view.element);
    view.shown?.();
    scrollBack(scrolled.get(target.key) ?? 0, view.list);
    if (view.list?.started) renewKept(view.list);
    if (target.guest) header.hidden = true;
    else drawHeader();
    if (!target.image) focusView(choice);
  }
  if (!target.image && current) {
    current.address = location.hash || "#/";
    openedFromList = true;
  }
  if (state.profile && !target.guest) {
    renewProfile();
    resumeArchives();
  }
  document.title = current?.title === texts.name ? texts.name : `${current?.title} · ${texts.name}`;
  if (!target.image || !current?.list) return;
  nameList(target.image);
  showImage(target.image);
}

/**
 * Focuses the heading of a new view. If the user has come with a choice, such as another order of the pictures, focuses
 * the same choice, because an arrow key on it leads on to the next value.
 * @param {string | null | undefined} choice the label of the choice
 */
function focusView(choice) {
  const same = choice && main.querySelector(`select[aria-label="${CSS.escape(choice)}"]`);
  if (!(same instanceof HTMLElement)) return focusHeading(main);
  same.focus({ preventScroll: true });
  // On a phone, the choices are in a line that scrolls.
  const line = same.parentElement;
  if (line) line.scrollLeft = same.offsetLeft + (same.offsetWidth - line.clientWidth) / 2;
}

/**
 * Scrolls to where the view was left. A list that is loaded again grows to this height page by page.
 * @param {number} top
 * @param {import("./paged-list.js").PagedList | undefined} list
 */
function scrollBack(top, list) {
  scrollTo(0, top);
  if (!list || scrollY >= top - 1) return;
  const thisShow = showCount;
  // The grid draws first, because it has listened for longer.
  const goOn = () => requestAnimationFrame(() => {
    if (thisShow === showCount) scrollTo(0, top);
    if (thisShow !== showCount || scrollY >= top - 1 || list.complete) list.removeEventListener("change", goOn);
  });
  list.addEventListener("change", goOn);
}

/**
 * Compares a list that was kept with the service. In the meantime, guests may have sent pictures.
 * @param {import("./paged-list.js").PagedList} list
 */
function renewKept(list) {
  // The grid draws first, so that it knows which pictures must not move. It has listened for longer.
  requestAnimationFrame(() => current?.list === list && renewImages(list));
}

/** The part of an address before the id of a picture in the view that is shown. */
const base = () => (current?.target.admin ? ADMIN_PICTURES : PICTURES);

/**
 * Completes the address of the open picture: some links to pictures do not name the list that is shown.
 * @param {string} image
 */
function nameList(image) {
  const complete = pictureAddress(image, current?.target.listName, base());
  // Some browsers refuse many calls in a short time.
  if (location.hash !== complete) history.replaceState(null, "", complete);
}

/**
 * Opens a picture above its list. When the picture is closed, the URL is that of the list again.
 * @param {string} image
 */
function showImage(image) {
  const view = current;
  const pictures = base();
  const opened = new LargeView({
    id: image,
    list: view?.list,
    admin: view?.target.admin,
    go: (id) => location.replace(pictureAddress(id, view?.target.listName, pictures)),
    onclose: (id) => {
      if (lightbox === opened) lightbox = null;
      // When the session has ended, the address stays, so that the picture is there again after the login.
      if (state.profile && location.hash.split("?")[0] === `${pictures}/${id}`) {
        if (openedFromList) history.back();
        else location.replace(view?.address);
      }
      // The user may have gone on to other pictures, far from the one that opened the view.
      if (view && current === view) reveal(id);
    },
  });
  lightbox = opened;
}

/** Scrolls to a picture in the view and focuses it, or the heading if the view does not show it. @param {string} id */
function reveal(id) {
  if (current?.reveal) return current.reveal(id);
  const link = /** @type {HTMLElement | null} */ (main.querySelector(`a[href*="/images/${CSS.escape(id)}"]`));
  if (link) link.focus();
  else focusHeading(main);
}

function showAuth() {
  const { parts: [first] } = address();
  const name = AUTH.includes(first) ? first : "login";
  current?.dispose?.();
  current = null;
  header.hidden = true;
  fill(main, authView(name, { onLogin, redraw: showAuth, reason: endReason }));
  document.title = `${texts.auth[name] ?? texts.auth.login} · ${texts.name}`;
  main.querySelector("input")?.focus();
}

/** @param {import("./api.js").ApiError} error @param {() => void} again */
function errorView(error, again) {
  const isGone = error.status === 404;
  const element = h("div", { class: "empty", role: "alert" }, icon("alert"), h("h1", { tabindex: "-1" }, error.message),
    error.code === "second-factor-required" && h("a", { class: "button primary", href: "#/account" }, texts.auth.setUpTotp),
    isGone ? h("a", { class: "button", href: "#/" }, texts.backToPhotos)
      : h("button", { type: "button", class: "button", onclick: again }, texts.retry));
  // When the network is back, the view appears without a press on the button.
  if (error.transient) addEventListener("online", () => element.isConnected && again(), { once: true });
  return element;
}

function drawHeader() {
  // A link to the view that is shown leads to its beginning.
  const link = (name, href, symbol, label) => h("a", {
    href, "aria-current": current?.nav === name ? "page" : null,
    onclick: () => route(address(href)).key === current?.key && scrollTo(0, 0),
  }, icon(symbol), h("span", null, label));
  header.hidden = false;
  fill(header,
    h("a", { class: "brand", href: "#/", "aria-label": texts.name }, icon("aperture"), h("span", null, texts.name)),
    h("nav", { "aria-label": texts.nav.label },
      link("", "#/", "photos", texts.nav.photos),
      link("sets", "#/sets", "sets", texts.nav.sets),
      link("phone", "#/phone", "phone", texts.nav.phone),
      isAdmin() && link("admin", "#/admin", "admin", texts.nav.admin),
      link("account", "#/account", "account", texts.nav.account)),
    iconButton("help", texts.shortcuts.title, openShortcuts, { class: "icon-button help", "aria-keyshortcuts": "?" }));
}

async function onLogin() {
  await loadProfile();
  endReason = "";
  if (AUTH.includes(address().parts[0])) history.replaceState(null, "", "#/");
  await show();
  preloadLater();
  resumeArchives();
}

/** Removes all data of the user, because another user may log in next. */
function clearUser() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  commitDeferred(true);
  finishWhileLeaving();
  stopWatching();
  stopArchives();
  uploads.reset();
  resetUploadOptions();
  resetImages();
  scrolled.clear();
  clearProfile();
}

function onLogout() {
  clearUser();
  history.replaceState(null, "", "#/");
  show();
}

/** @param {boolean} isElsewhere whether the session ended in another tab */
function onSessionEnd(isElsewhere) {
  clearUser();
  endReason = isElsewhere ? texts.signedOutElsewhere : texts.signedOut;
  show();
}

onSessionEnded((isElsewhere) => {
  const username = state.profile?.username;
  const onEnd = () => onSessionEnd(isElsewhere);
  if (isElsewhere || !typedDialog() || !username) return onEnd();
  const { id } = /** @type {Api.Profile} */ (state.profile);
  openRelogin(username, {
    onLogin: () => loadProfile().then((profile) => (profile.id === id ? resumeArchives() : onEnd()), onEnd),
    onGiveUp: onEnd,
  });
});
history.scrollRestoration = "manual";
addEventListener("hashchange", async ({ oldURL }) => {
  const dialog = typedDialog();
  if (!dialog) return show();
  // The browser has already left the address, usually with its button Back.
  history.pushState(null, "", oldURL);
  if (await confirmDiscard(dialog)) history.back();
});
// Another tab or device may have uploaded or deleted pictures.
const renew = () => {
  if (document.hidden || !state.profile) return;
  renewProfile();
  renewImages(current?.list ?? null);
};
document.addEventListener("visibilitychange", renew);
// A window that is beside another one is never hidden.
addEventListener("focus", renew);

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

// ------------------------------------------------------------ the key that leads to the search

const searchField = () => /** @type {HTMLInputElement | null} */ (main.querySelector("input[type=search]"));

// Most views have no search field. The one of the photos is the best known.
onShortcut("/", async (event) => {
  if (!state.profile || address().parts[0] === GUEST || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (!searchField()) {
    history.pushState(null, "", "#/");
    await show();
  }
  searchField()?.focus();
  searchField()?.select();
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
  if (!state.profile) return;
  preloadLater();
}

// Not awaited: later.js needs the modules of this script, and would wait for its end.
start();
