// The view of the user's pictures.

import { addressOrder, chosenOrder, namedOrder, orderOf, rememberOrder } from "../chosen-order.js";
import { h, icon, checkbox, field, fill, focusHeading } from "../dom.js";
import { chooseFiles } from "../files.js";
import { gallery } from "../gallery.js";
import { allImages, someImages, uploadImages } from "../images.js";
import { gridLabel, groupHeading } from "../order.js";
import { popover } from "../popover.js";
import { query } from "../query.js";
import { apiFilters, searchForm } from "../search.js";
import { mayUseAi, onRulesChanged, state } from "../state.js";
import { texts } from "../texts.js";
import { PAGE_SIZE } from "../tiles.js";
import { options, uploadOptions } from "../upload-options.js";

const words = texts.photos;
const chooseAndUpload = async () => uploadImages(await chooseFiles(), uploadOptions());

/**
 * What the view shows. The days of `taken_after` and `taken_before` belong to the range.
 * @typedef {{status: string, q: string, taken_after: string, taken_before: string,
 *   order: import("../chosen-order.js").Order}} Choice
 */

/** Reads what an address shows from its parameters. @param {Record<string, string>} parameters @returns {Choice} */
export function choiceOf({ status = "", q = "", taken_after = "", taken_before = "", ...parameters }) {
  return { status, q, taken_after, taken_before, order: chosenOrder(parameters) };
}

/** Returns the parameters of the address that shows this. @param {Choice} choice */
export const choiceParameters = ({ order, ...filters }) => ({ ...filters, ...addressOrder(order) });

/** @param {Choice} choice */
export function photosView(choice) {
  const { status, order, ...filters } = choice;
  const isSearch = Object.values(filters).some((value) => value !== "");
  const list = status || isSearch ? someImages({ status, ...apiFilters(filters) }, order) : allImages(order);
  /** Changes what is shown. @param {Partial<Choice>} change */
  const go = (change) => {
    if (change.order) {
      // An address without an order stands for the remembered one. The browser's Back leads to the order of before.
      history.replaceState(null, "", `#/${query({ status, ...filters, ...namedOrder(order) })}`);
      rememberOrder(change.order);
    }
    location.hash = `#/${query(choiceParameters({ ...choice, ...change }))}`;
  };
  const listName = choiceParameters(choice);
  const pictures = gallery(list, { label: gridLabel(order), heading: groupHeading, listName });
  const empty = h("div", { class: "empty", hidden: true });
  const count = h("span", { class: "count" });
  const undated = h("p", { class: "quiet", hidden: true }, texts.order.undated);
  const isByTaken = order.sort === "taken_at" && order.group !== "none";

  const show = () => {
    const nothing = list.complete && list.length === 0;
    // The button that chooses the first pictures disappears when they arrive.
    if (!nothing && empty.contains(document.activeElement)) focusHeading(empty.closest("main"));
    empty.hidden = !nothing;
    if (nothing && !empty.hasChildNodes()) fill(empty, isSearch ? h("p", null, texts.search.none) : status ? h("p", null, words.none) : welcome());
    count.textContent = status || isSearch && !list.complete ? "" : countText(list);
    // Until the first pictures arrive, the text only keeps its place, so that the line does not wrap then.
    count.style.visibility = list.started ? "" : "hidden";
    // Farther down, the pictures would move.
    if (isByTaken && (scrollY === 0 || !undated.isConnected)) undated.hidden = list.items().every(({ exif }) => exif?.taken_at);
  };
  list.addEventListener("change", show);
  show();

  const ended = new AbortController();
  const aiBox = aiOptions();
  const header = h("header", { class: "view-header photos-header" },
    h("h1", { tabindex: "-1" }, words.title), count, h("span", { class: "space" }),
    h("div", { class: "choices" }, searchForm(filters, go), choices(choice, go)),
    h("a", { class: "icon-button", href: "#/trash", "aria-label": texts.trash.title, title: texts.trash.title }, icon("trash")),
    aiBox,
    h("button", { type: "button", class: "button primary", onclick: chooseAndUpload }, icon("upload"), words.upload));
  const showOptions = () => {
    aiBox.hidden = !mayUseAi();
    // The button Options leaves no room for the choices in its line.
    header.classList.toggle("toolbar", aiBox.hidden);
  };
  showOptions();
  onRulesChanged(showOptions, ended.signal);

  return {
    title: words.title,
    element: h("div", null, header, undated, pictures.element, empty),
    list,
    shown: pictures.shown,
    reveal: pictures.reveal,
    dispose: () => {
      ended.abort();
      pictures.dispose();
      list.removeEventListener("change", show);
    },
  };
}

/** Says how many pictures the user has. @param {import("../paged-list.js").PagedList} list */
function countText(list) {
  if (list.complete) return words.count(list.knownCount);
  // The profile counts the pictures in the trash too. It may not know yet what another device has uploaded.
  const most = Math.max(state.profile?.usage.images ?? 0, list.knownCount);
  return most > PAGE_SIZE ? words.atMost(most) : words.count(most);
}

/**
 * Creates the choices of what is shown, in which order, and with which groups.
 * @param {Choice} choice
 * @param {(change: Partial<Choice>) => void} go
 */
function choices({ status, order }, go) {
  const select = (label, options, chosen, change) => {
    const element = h("select", { "aria-label": label, onchange: () => change(element.value) },
      Object.entries(options).map(([value, name]) => h("option", { value, selected: value === chosen }, name)));
    return element;
  };
  const sorts = { ...texts.order.sorts, ...texts.order.names };
  // Groups are for the time taken: a user often uploads the pictures of many years on one day.
  const isUploadOrder = order.sort === "created_at";
  const groupBy = (group) =>
    go({ order: orderOf(isUploadOrder && group !== "none" ? { sort: "taken_at", group } : { ...order, group }) });
  const orderBy = (value) => {
    const [sort, direction] = value.split(" ");
    go({ order: orderOf({ sort, order: direction, group: order.sort === sort ? order.group : "" }) });
  };
  return h("div", { class: "choice-line" },
    select(words.filter, { "": words.all, ...words.status }, status, (value) => go({ status: value })),
    select(texts.order.label, sorts, `${order.sort} ${order.order}`, orderBy),
    order.sort !== "file_name" && select(texts.order.group, texts.order.groups, order.group, groupBy));
}

function welcome() {
  return [icon("photos"), h("h2", null, words.empty), h("p", null, words.emptyHint),
    h("button", { type: "button", class: "button primary", onclick: chooseAndUpload }, words.choose)];
}

function aiOptions() {
  const prompt = h("input", { name: "edit_prompt", maxlength: "2000", value: options.edit_prompt, oninput: () => {
    options.edit_prompt = prompt.value;
  } });
  const analyze = checkbox(words.analyze, { checked: options.analyze, onchange: (event) => {
    options.analyze = event.target.checked;
  } });
  const fields = [analyze, field(words.editPrompt, prompt, words.editPromptHint)];
  const box = popover(h("span", null, words.options), fields, { "aria-label": words.optionsLabel });
  // On a phone, the button shows only its arrow, beside the button that uploads.
  box.classList.add("upload-options");
  return box;
}
