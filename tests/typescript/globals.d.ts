/** The client of the page in `page.tsx`. */
declare var darkroom: import("../client/dist/esm/index.js").Darkroom;
