// Files of pictures: their types, and how the user hands them to the page.

const TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif"]);
const EXTENSIONS = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif", gif: "image/gif",
};
const HEIC = /\.hei[cf]$/i;

/**
 * Returns the media type of a picture, from the browser or from the extension. Undefined for any other file.
 * @param {File} file
 * @returns {string | undefined}
 */
export function imageType(file) {
  return TYPES.has(file.type) ? file.type : EXTENSIONS[file.name.split(".").pop()?.toLowerCase() ?? ""];
}

/** @param {File} file */
export function isHeic(file) {
  return HEIC.test(file.name) || /^image\/hei[cf]/.test(file.type);
}

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
