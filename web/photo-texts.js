// The texts of the large view, of the order of pictures, of selecting, and of what a camera wrote into a picture.

import { number } from "./format.js";

export const imageTexts = {
  confirmDeleteAsAdmin: (what) => `Delete ${what} permanently? What an admin deletes leaves its set, and does not go to the owner's trash.`,
  label: "Picture",
  info: "Info",
  details: "Title and description",
  previous: "Previous picture",
  next: "Next picture",
  back: "Back to the list",
  zoom: "Zoom",
  fullScreen: "Full screen",
  fields: { file_name: "File name", title: "Title", description: "Description" },
  dimensions: "Dimensions",
  dimensionsOf: (width, height) => `${width} × ${height}`,
  size: "Size",
  type: "Type",
  uploaded: "Uploaded",
  version: "Version",
  phone: "Phone number",
  set: "Image set",
  openSet: "Open the set",
  dropbox: "Copy in Dropbox",
  openDropbox: "Open in Dropbox",
  dropboxQueued: "Waiting to be copied",
  dropboxDone: "Copied",
  source: "Edited from",
  openSource: "Show the original picture",
  editOf: "Latest edit",
  openEdit: "Show the edit",
  prompt: "Prompt",
  owner: "User",
  sentBy: "Sent by",
  trashedUntil: "In the trash until",
  guest: "A guest, through an upload link",
  links: "Sizes and links",
  copy: (what) => `Copy link to ${what}`,
  copied: "Link copied.",
  copyFailed: "The browser did not allow copying. Select the link and copy it by hand.",
  open: "Open",
  download: "Download",
  downloadOf: (what) => `Download ${what}`,
  share: "Share file",
  noFile: "This picture has no file that you may download.",
  downloadFailed: "The file could not be loaded. Check your connection and try again.",
  shareFailed: "The browser could not hand over the file. Download it instead.",
  sizeMissing: (size) => `${size} px`,
  makeSize: "Make",
  makeSizeOf: (size) => `Make the size ${size} px`,
  thumbnail: (size, width, height) => `${size} px (${width} × ${height})`,
  original: "Original",
  noOriginal: "Your tier does not include the original.",
  signed: "These links work for at least 45 minutes, and then they expire.",
  ai: "AI",
  aiNotInTier: "Your tier does not include AI.",
  describe: "Describe this picture",
  question: "Question about the picture (optional)",
  asking: "The AI is looking at the picture…",
  answer: "Answer",
  tags: "Tags",
  by: (model) => `By ${model}`,
  edit: "Edit by prompt",
  editPrompt: "What should be changed?",
  makeEdit: "Make an edit",
  editStarted: "The AI is making the edit. It will appear among your photos.",
  replace: "Replace picture",
  replacing: "The new version is being uploaded. The old one stays visible until the new one is ready.",
  delete: "Delete",
  deleting: (name) => `Deleting ${name}.`,
  deleted: (name) => `Deleted ${name}.`,
  undo: "Undo",
  restored: (name) => `Restored ${name}.`,
  uploadAgain: "Choose the file again",
  discard: "Discard",
  pending: "This upload is not complete. If it is not running in another tab, choose the file again or discard it.",
  pendingReplacement: "The upload of a new version is not complete. The old version stays until the new one is ready.",
  processing: "This picture is being developed.",
  alt: (image) => image.analysis?.description ?? image.description ?? image.title ?? image.file_name,
};

export const selectTexts = {
  label: "Selected",
  one: (name) => `Select ${name}`,
  count: (count) => `${number(count)} selected`,
  all: "Select all",
  clear: "Clear the selection",
  selected: "Selected",
  allOfGroup: { label: "Select all", name: (group) => `Select all of ${group}` },
  clearGroup: { label: "Select none", name: (group) => `Select none of ${group}` },
  loading: "Finding all…",
  confirmTrash: (count) => `Move ${number(count)} pictures to the trash?`,
  confirmDelete: (count) => `Delete ${number(count)} pictures permanently?`,
  makeSet: "Make a set",
  tooManyForSet: "A set holds three pictures. Select at most three to make a set.",
  packing: "Packing:",
  progress: ({ files, files_done, files_skipped }) =>
    `${number(files_done)} of ${number(files - files_skipped)} pictures.${ifLeftOut(files_skipped, files)}`,
  packed: ({ files, files_done, files_skipped }) => `The archive with ${pictures(files_done)} is ready.${ifLeftOut(files_skipped, files)}`,
  archiveSaved: ({ files, files_done, files_skipped }) => `Saved the archive with ${pictures(files_done)}.${ifLeftOut(files_skipped, files)}`,
  leftOut,
  noneReady: "None of these pictures can be downloaded: they are not ready, have failed, or are gone.",
  waiting: "Waiting until an archive is ready…",
  saveArchive: "Save",
  saveAgain: "Save again",
  archiveGone: "This archive is gone. Download the pictures again.",
  downloading: (done, all) => `${number(done)} of ${number(all)} downloaded`,
};

const pictures = (count) => (count === 1 ? "1 picture" : `${number(count)} pictures`);

/** Says how many pictures a download does not contain. @param {number} count @param {number} all */
function leftOut(count, all) {
  const why = count === 1 ? "was left out: it is not ready, has failed, or is gone" : "were left out: they are not ready, have failed, or are gone";
  return `${number(count)} of ${number(all)} pictures ${why}.`;
}

/** The same as a further sentence, if there are any. @param {number} count @param {number} all */
function ifLeftOut(count, all) {
  return count === 0 ? "" : ` ${leftOut(count, all)}`;
}

export const searchTexts = {
  label: "Search your photos",
  placeholder: "Search",
  search: "Search",
  dates: "Dates",
  from: "Taken from",
  to: "Taken until",
  apply: "Show",
  wrongRange: "This day is before the first one. Choose a later day.",
  clear: "Clear the search",
  none: "No picture matches. Try fewer words, or the beginning of a word.",
};

export const trashTexts = {
  title: "Trash",
  moved: (what) => `Moved ${what} to the trash.`,
  lead: (days) => `A picture stays here for ${days === 1 ? "1 day" : `${number(days)} days`}, and then it is deleted. Until then, it counts toward your limit.`,
  off: "Your tier has no trash. What you delete is deleted for good.",
  hidden: "Pictures in the trash are not shown until you restore them.",
  loading: "Loading the trash…",
  empty: "The trash is empty.",
  emptyIt: "Empty the trash",
  confirmEmpty: "Delete everything in the trash? You cannot undo this.",
  emptied: "The trash is empty.",
  restore: "Restore",
  restored: (what) => `Restored ${what}.`,
  deleteForGood: "Delete for good",
  confirmDelete: (what) => `Delete ${what} for good? You cannot undo this.`,
  deleted: (what) => `Deleted ${what} for good.`,
  grid: "Pictures in the trash. Arrow keys move, Space selects.",
};

export const orderTexts = {
  label: "Order",
  sorts: {
    "created_at desc": "Newest uploads first",
    "created_at asc": "Oldest uploads first",
    "taken_at desc": "Date taken, newest first",
    "taken_at asc": "Date taken, oldest first",
  },
  names: {
    "file_name asc": "File name, A to Z",
    "file_name desc": "File name, Z to A",
  },
  group: "Group by",
  groups: { none: "No groups", month: "By month", day: "By day" },
  undated: "Pictures without a date taken are grouped by the time of their upload.",
  grid: (order) => `Pictures: ${order.toLowerCase()}. Arrow keys move, Enter opens, Space selects, Delete deletes.`,
};

export const exifTexts = {
  taken: "Taken",
  takenAt: (time, offset) => (offset ? `${time} (UTC${offset})` : time),
  camera: "Camera",
  lens: "Lens",
  exposureTime: "Exposure time",
  // Photographers write a short time as a fraction of a second.
  seconds: (seconds) => (seconds <= 0.25 ? `1/${Math.round(1 / seconds)} s` : `${number(Math.round(seconds * 10) / 10)} s`),
  aperture: "Aperture",
  fNumber: (value) => `f/${number(Math.round(value * 10) / 10)}`,
  sensitivity: "Sensitivity",
  iso: (value) => `ISO ${value}`,
  focalLength: "Focal length",
  millimetres: (value) => `${number(Math.round(value * 10) / 10)} mm`,
  place: "Place",
  degrees: (latitude, longitude) => `${degrees(latitude, "N", "S")}, ${degrees(longitude, "E", "W")}`,
  altitude: (metres) => `, ${number(Math.abs(Math.round(metres)))} m ${metres < 0 ? "below" : "above"} sea level`,
  private: "Only you can see the place.",
};

/** Five decimals are a metre. */
function degrees(value, positive, negative) {
  return `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
}
