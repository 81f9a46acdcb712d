// How the user hands files to the page: drag and drop, the clipboard, and the browser's dialog for files.

import { EXTENSIONS, TYPES } from "./uploads.js";

/** Returns the files of a drop or a paste. @param {DataTransfer | null} transfer */
export function filesOf(transfer) {
  return [...transfer?.files ?? []];
}

/** Opens the browser's dialog for files. Resolves to an empty list if the user cancels it. @returns {Promise<File[]>} */
export function chooseFiles({ multiple = true } = {}) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = multiple;
    input.accept = [...TYPES, ...Object.keys(EXTENSIONS).map((extension) => `.${extension}`)].join(",");
    input.className = "visually-hidden";
    input.tabIndex = -1;
    input.setAttribute("aria-hidden", "true");
    const done = () => {
      input.remove();
      resolve([...input.files ?? []]);
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    document.body.append(input);
    input.click();
  });
}
