// The texts of the page, except those in later-texts.js. Some parts are in files of their own.

import { authTexts } from "./auth-texts.js";
import { bytes, number } from "./format.js";
import { exifTexts, imageTexts, orderTexts, searchTexts, selectTexts, trashTexts } from "./photo-texts.js";
import { guestTexts, shareTexts, uploadLinkTexts } from "./share-texts.js";
import { shortcutTexts } from "./shortcut-texts.js";

const MISSING = {
  "8-characters": "at least 8 characters",
  "lower-case-letter": "a lower-case letter",
  "upper-case-letter": "an upper-case letter",
  digit: "a digit",
};

/** For each error code of the API: a sentence that says what happened and what the user can do. */
const PROBLEMS = {
  unreachable: "The service cannot be reached. Check your connection and try again.",
  "admins-only": "Only admins can do this. Log in as an admin.",
  "ai-not-configured": "This service has no AI provider. Ask its operator to set one up.",
  "ai-not-in-tier": "Your tier does not include AI. Ask an admin for another tier.",
  "admin-account": "This is the account of an admin. Another admin can delete it.",
  "analysis-under-way": "The AI is already describing this picture. Wait until it has finished.",
  "bad-cursor": "The list has changed. Reload the page.",
  "bad-refresh-token": "Your session has ended. Log in again.",
  "body-too-large": "This text is too long. Shorten it and try again.",
  "challenge-expired": "This login has expired. Log in again.",
  "challenge-required": "You cannot log in yet. Ask the operator for help with your account.",
  "code-expired": "This code has expired or was already used. Wait for the next one, or ask for a new one.",
  "code-mismatch": "This code is wrong. Check it, or ask for a new one.",
  "daily-limit-reached": beyondLimit,
  "delivery-pending": "This delivery has not ended yet. Wait for its last attempt.",
  "email-taken": "Another account already has this e-mail address. Use another address.",
  "file-too-large": ({ max_image_bytes }) =>
    `This file is larger than your tier allows (${bytes(max_image_bytes)}). Upload a smaller file, or ask an admin for another tier.`,
  "idempotency-key-reused": "The service took this request for an earlier one. Try again.",
  "image-changed": "The picture has just changed. Reload the page and try again.",
  "image-not-ready": "The picture is not ready yet. Wait a moment and try again.",
  internal: "Something went wrong on our side. Try again. If it fails again, tell the operator.",
  "invalid-field": ({ detail }) => sentence(inWords(detail)),
  "invalid-json": "The page does not match the current version of the service. Reload the page.",
  "invalid-phone-number": "This phone number is not valid. Enter it with its country code, such as +49 30 901820.",
  "last-admin": "This is the last admin. Make another user an admin first.",
  "link-not-found": "This link does not exist any more. Reload the page.",
  "links-not-in-tier": "Your tier does not include expiring links. Ask an admin for another tier.",
  "method-not-allowed": "The page does not match the current version of the service. Reload the page.",
  "not-an-access-token": "Your session is not valid. Log in again.",
  "not-confirmed": "Your account is not confirmed yet. Enter the code from the e-mail.",
  "not-found": "This does not exist any more. It may have been deleted.",
  "no-refresh-token": "Your session has ended. Log in again.",
  "not-pending": "This upload is already complete. Reload the page.",
  "originals-not-in-tier": "Your tier does not include downloads of originals. Ask an admin for another tier.",
  "password-reset-required": "You need a new password before you can log in. Choose “Forgot password”.",
  "quota-exceeded": beyondLimit,
  "rate-limited": "Too many requests in a short time. Wait a moment and try again.",
  "renditions-not-in-tier": "Your tier does not include other sizes, shapes and formats. Ask an admin for another tier.",
  "second-factor-required": "Admins of this service need a second factor. Set one up in your account.",
  "scope-missing": "This API key may not do this.",
  "size-not-in-tier": "Your tier does not include this size. Choose another one.",
  "slot-taken": "This place in the set already has a picture. Replace it, or take it out first.",
  "tier-changed": "The tier has just changed. Reload the page and try again.",
  "tier-in-use": "This tier has users. Move them to another tier first.",
  "tier-is-default": "You cannot delete this tier, because new users start in it.",
  "too-many-attempts": "Too many attempts. Wait a while and try again.",
  "too-many-renditions": ({ max_renditions }) => `This picture already exists in ${number(max_renditions)} other sizes, shapes and formats. Use one of them.`,
  "totp-enabled": "A second factor is already set up. Remove it first.",
  "mail-limit-reached": "The service cannot send more e-mails today. Try again tomorrow.",
  unauthorized: "Your session has ended. Log in again.",
  unavailable: "The service is busy. Try again in a few seconds.",
  "unsupported-media-type": "The page does not match the current version of the service. Reload the page.",
  "upload-link-full": "This link does not accept so many more pictures. Send fewer, or ask for a new link.",
  "upload-link-not-found": "This link does not work any more. Ask the person who sent it for a new one.",
  "username-taken": "This user name is taken. Choose another one.",
  "weak-password": ({ missing = [] }) =>
    `This password is too easy to guess. It still needs ${list(missing.map((rule) => MISSING[rule] ?? rule))}.`,
  "wrong-credentials": "The user name or the password is wrong, or the account is disabled. Check both, or ask an admin.",
  "wrong-password": "This is not your current password. Check it and try again.",
};

/** Why nothing more can be created or requested, by the name of the limit. */
const LIMITS = {
  max_images: (most) => `Your tier allows ${most} pictures, and you have reached this limit. Delete some, or ask an admin for another tier.`,
  max_sets: (most) => `Your tier allows ${most} image sets, and you have reached this limit. Delete some, or ask an admin for another tier.`,
  max_links: (most) => `Your tier allows ${most} expiring links at a time, and you have reached this limit. Revoke one, or wait until one expires.`,
  max_api_keys: (most) => `You can have ${most} API keys. Revoke one first.`,
  max_webhooks: (most) => `You can have ${most} webhooks. Delete one first.`,
  max_upload_links: (most) => `You can have ${most} upload links at a time, and you have reached this limit. Revoke one, or wait until one expires.`,
  max_downloads: (most) => `You can have ${most} archives in preparation at a time. Wait until one is ready, and try again.`,
  max_downloads_per_day: (most) => `You can have ${most} archives a day, and you have reached this limit. Try again tomorrow.`,
  max_ai_calls_per_day: (most) => `Your tier allows ${most} AI analyses and edits a day, and you have reached this limit. Try again tomorrow.`,
  max_pending_uploads: (most) => `Your tier allows ${most} unfinished uploads, and you have reached this limit. Finish some, or delete some.`,
};

function beyondLimit({ limit, ...problem }) {
  return (LIMITS[limit] ?? LIMITS.max_images)(number(problem[limit]));
}

/** For responses of API Gateway, which have no code. */
const STATUSES = {
  401: PROBLEMS.unauthorized,
  413: PROBLEMS["body-too-large"],
  429: PROBLEMS["rate-limited"],
  503: PROBLEMS.unavailable,
};

/** Why the processing of a picture, an analysis, an edit or a copy in Dropbox failed. */
const FAILURES = {
  "corrupt-image": "The file is damaged or incomplete. Export the picture again and upload that.",
  "gave-up": "Several attempts failed. Try again later.",
  "heic-not-supported": "HEIC pictures are not supported here. Export the picture as JPEG and upload that.",
  "internal-error": PROBLEMS.internal,
  "no-picture": "This picture has no file yet. Upload one first.",
  "not-an-image": "This file is not a picture. Send a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF, BMP or JXL.",
  "processing-failed": "The picture could not be developed. Try another file, or tell the operator.",
  "provider-answer-invalid": "The provider sent an invalid response. Try again.",
  "provider-answer-too-large": "The provider's response was too large. Ask for something smaller.",
  "provider-busy": "The provider is busy. Try again later.",
  "provider-credentials": "The provider rejected this service's key. Tell the operator.",
  "provider-full": "The provider has no space left. Tell the operator.",
  "provider-refused": "The provider refused this request. Change it and try again.",
  "provider-timeout": "The provider took too long. Try again later.",
  "provider-unavailable": "The provider is not available. Try again later.",
  "side-too-long": "This picture is too tall or too wide. Make it smaller and upload it again.",
  timeout: "Developing this picture took too long. Save it as an ordinary JPEG and upload that.",
  "too-many-bytes": "This file is too large. Upload a smaller one.",
  "too-many-pixels": "This picture has too many pixels. Make it smaller and upload it again.",
  "unsupported-format": "This picture format is not supported. Send a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF, BMP or JXL.",
  "upload-missing": "The upload of the file was not completed. Upload it again.",
};

/** What the page calls the API's fields, where the words of a name do not say it. */
const FIELD_NAMES = {
  email: "e-mail address", image_ids: "pictures", max_image_bytes: "largest file", original_link: "original", q: "search", taken_after: "from",
  taken_before: "to", uploaded_after: "from", uploaded_before: "to", username: "user name",
};

/** @param {string} field */
const fieldName = (field) => FIELD_NAMES[field] ?? field.replaceAll("_", " ");

/**
 * Replaces the names of fields in a sentence of the API, such as `thumbnail_sizes`, with words. The sentence often begins
 * with the name of its field: "username: must be 1 to 128 visible characters". If the field is a list, the number of the
 * value may follow: "image_ids[1]: is also elsewhere in the list".
 */
function inWords(text = "") {
  const [, first, rest] = text.match(/^([a-z_]+)(?:\[\d+\])?: (?:must be (?=\d))?(.*)$/s) ?? [];
  const name = first ? fieldName(first) : "Please correct this";
  const words = (rest ?? text).replaceAll(/`?\b[a-z]+(?:_[a-z]+)+\b`?/g, (field) => fieldName(field.replaceAll(/^`|`$/g, "")));
  return `${name[0].toUpperCase()}${name.slice(1)}: ${words}`;
}

function sentence(text = "a value is not valid") {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function list(words) {
  return new Intl.ListFormat("en").format(words);
}

export const texts = {
  name: "Darkroom",
  tagline: "Your pictures, developed.",
  retry: "Try again",
  cancel: "Cancel",
  close: "Close",
  edit: "Edit",
  create: "Create",
  save: "Save",
  saved: "Saved.",
  yes: "Yes",
  no: "No",
  more: "Show more",
  untitled: "Untitled",
  skip: "Skip to content",
  signedOut: "You were logged out, because your session has ended. Log in again. If you cannot, ask an admin.",
  signedOutElsewhere: "You were logged out, because of a logout or a login in another tab. Log in again.",
  notFound: "This page does not exist.",
  backToPhotos: "Go to your photos",
  confirmDiscard: "Discard what you have typed?",
  discard: "Discard",
  relogin: {
    title: "Log in again",
    lead: "Your session has ended. Log in again to go on where you were. What you have typed is still there.",
    password: (name) => `Password of ${name}`,
  },

  problem(problem) {
    const known = PROBLEMS[problem.code ?? (problem.status ? "" : "unreachable")];
    if (typeof known === "function") return known(problem);
    return known ?? STATUSES[problem.status] ?? (problem.detail ? sentence(problem.detail) : PROBLEMS.internal);
  },
  failure: ({ code, detail }) => FAILURES[code] ?? sentence(detail),

  nav: { label: "Main", photos: "Photos", sets: "Sets", phone: "Phone", admin: "Admin", account: "Account" },

  auth: authTexts,
  exif: exifTexts,
  order: orderTexts,
  share: shareTexts,
  uploadLinks: uploadLinkTexts,
  guest: guestTexts,

  photos: {
    title: "Photos",
    upload: "Upload",
    empty: "No pictures yet",
    emptyHint: "Drop pictures anywhere on this page, paste them, or choose files.",
    choose: "Choose pictures",
    drop: "Drop pictures to upload them",
    options: "Options",
    optionsLabel: "Options for uploads",
    analyze: "Describe each picture with AI",
    editPrompt: "Also make an edit of each picture",
    editPromptHint: "For example “make it look like a watercolour”. Leave this empty to make no edit.",
    count: (count) => (count === 1 ? "1 picture" : `${number(count)} pictures`),
    atMost: (count) => `up to ${number(count)}`,
    filter: "Show",
    all: "All",
    status: { pending: "Waiting for upload", processing: "Developing", ready: "Ready", failed: "Failed" },
    uploading: "Uploading",
    fromGuest: "Sent by a guest",
    none: "There are no pictures in this state.",
  },

  uploads: {
    title: "Uploads",
    summary: (done, all) => `${number(done)} of ${number(all)} uploaded`,
    developing: (count) => (count === 1 ? "Developing 1 picture" : `Developing ${number(count)} pictures`),
    finished: (count) => (count === 1 ? "1 upload done" : `${number(count)} uploads done`),
    failed: (count) => (count === 1 ? "1 failed" : `${number(count)} failed`),
    overall: "Progress of all uploads",
    progressOf: (name) => `Upload of ${name}`,
    states: {
      queued: "Waiting",
      creating: "Starting",
      sending: (percent) => `${percent} %`,
      waiting: "No connection. The upload resumes automatically.",
      processing: "Developing",
      ready: "Ready",
      cancelled: "Cancelled",
    },
    cancel: (name) => `Cancel upload of ${name}`,
    retry: (name) => `Try upload of ${name} again`,
    dismiss: (name) => `Remove ${name} from this list`,
    cancelAll: "Cancel all",
    clear: "Clear list",
    collapse: "Show or hide the list",
    notPicture: "This is not a picture. Send a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF, BMP or JXL.",
    empty: "This file is empty. Choose another one.",
    unreadable: "The browser can no longer read this file. Choose it again.",
    storageUnreachable: "The storage cannot be reached. Try again. If it fails again, your browser or network may block it.",
    refused: "The storage refused this upload. Try again. If it fails again, tell the operator.",
  },

  image: imageTexts,
  search: searchTexts,
  select: selectTexts,
  trash: trashTexts,
  shortcuts: shortcutTexts,

  sets: {
    title: "Image sets",
    lead: "A set holds three pictures that belong together.",
    make: "New set",
    create: "Create",
    edit: "Edit set",
    name: "Title",
    description: "Description",
    empty: "No sets yet",
    emptyHint: "Create one and add a picture to each of its three places.",
    slot: { image1: "First picture", image2: "Second picture", image3: "Third picture" },
    pick: "Pick from your photos",
    pickFor: (slot) => `Pick from your photos: ${texts.sets.slot[slot].toLowerCase()}`,
    moveBack: (name) => `Move ${name} to the place before`,
    moveOn: (name) => `Move ${name} to the next place`,
    replaceIn: (name) => `Replace ${name} in this set`,
    takeOut: (name) => `Take ${name} out of this set`,
    takenOut: (name) => `Took ${name} out of the set. The picture stays in your photos.`,
    fillSlot: (slot) => `Choose the ${texts.sets.slot[slot].toLowerCase()}`,
    delete: "Delete set",
    confirmDelete: "Delete this set and its pictures?",
    deleted: "The set was deleted.",
    full: (count) => `${count} of 3 pictures`,
  },

  picker: { none: "No picture matches." },

  phone: {
    title: "Upload by phone number",
    lead: "Upload pictures for a phone number. Only you can see your uploads.",
    number: "Phone number",
    hint: "With its country code, such as +49 30 901820.",
    show: "Show pictures",
    none: "No pictures for this number yet. Choose some to upload.",
    of: (number) => `Pictures of ${number}`,
    dropbox: "The originals are copied to Dropbox.",
    used: "Your numbers",
    usedNewest: (count) => `These are the numbers of your newest ${number(count)} pictures.`,
    chooseFor: (number) => `Choose pictures for ${number}`,
  },

  tier: {
    name: "Name",
    id: "Id",
    idHint: "Lower-case letters, digits and hyphens.",
    sizes: "Thumbnail sizes",
    sizesHint: "In pixels, from 16 to 4096, separated by commas.",
    original: "Original",
    expiring: "Expiring links",
    renditions: "Other sizes, shapes and formats",
    ai: "AI",
    maxBytes: "Largest file",
    maxBytesMb: "Largest file in megabytes",
    maxImages: "Pictures",
    maxSets: "Image sets",
    maxLinks: "Expiring links at a time",
    maxPendingUploads: "Unfinished uploads",
    maxAiCalls: "AI analyses and edits a day",
    trashDays: "Days in the trash",
    trashDaysHint: "0 switches the trash off. What users delete is then deleted for good.",
    noProvider: "No AI provider",
    px: (sizes) => sizes.map((size) => `${size} px`).join(", "),
  },
};
