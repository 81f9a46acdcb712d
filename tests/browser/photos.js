// Generates photos like those of phones: the pixels are stored rotated, and the EXIF orientation says how to turn them.

import { blankPage } from "./browser.js";
import { exifBlock } from "./exif.js";

/** The colour of each corner of an upright picture. */
export const CORNERS = { topLeft: "red", topRight: "lime", bottomRight: "blue", bottomLeft: "yellow" };

/**
 * Generates a JPEG: four quarters in the colours of CORNERS, with noise, so that the file is as large as a real photo.
 * @param {{width?: number, height?: number, orientation?: number, quality?: number, label?: string, takenAt?: string}} [options]
 * width and height of the upright picture; EXIF's orientation, 1 to 8; a text in the middle that makes the picture unique;
 * the time at which a phone took it in Sydney, such as "2026:05:01 14:30:05"
 * @returns {Promise<Buffer>}
 */
export async function photo({ width = 1600, height = 1200, orientation = 1, quality = 0.85, label = "", takenAt = "" } = {}) {
  const base64 = await (await blankPage()).evaluate(drawn, { width, height, orientation, quality, label, corners: CORNERS });
  return withExif(Buffer.from(base64, "base64"), exifBlock(orientation, takenAt));
}

/**
 * Returns the names of the colours at the corners of a picture, for example a screenshot of a thumbnail.
 * @param {Buffer} bytes a picture in any format that browsers support
 * @returns {Promise<typeof CORNERS>}
 */
export async function corners(bytes) {
  const found = await (await blankPage()).evaluate(read, bytes.toString("base64"));
  const [topLeft, topRight, bottomRight, bottomLeft] = found.map(nearest);
  return { topLeft, topRight, bottomRight, bottomLeft };
}

/** @type {Record<string, [number, number, number]>} */
const COLOURS = { red: [255, 0, 0], lime: [0, 255, 0], blue: [0, 0, 255], yellow: [255, 255, 0], black: [0, 0, 0], white: [255, 255, 255] };

/** @param {number[]} colour */
function nearest(colour) {
  const distance = (other) => other.reduce((sum, value, channel) => sum + (value - colour[channel]) ** 2, 0);
  return Object.entries(COLOURS).sort(([, a], [, b]) => distance(a) - distance(b))[0][0];
}

/** Runs in the browser. */
async function drawn({ width, height, orientation, quality, label, corners }) {
  const turned = orientation >= 5;
  const [w, h] = turned ? [height, width] : [width, height];
  // Transforms the stored picture into the upright one (EXIF 2.32, section 4.6.4, tag Orientation).
  const upright = new DOMMatrix({
    1: [1, 0, 0, 1, 0, 0],
    2: [-1, 0, 0, 1, w, 0],
    3: [-1, 0, 0, -1, w, h],
    4: [1, 0, 0, -1, 0, h],
    5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, h, 0],
    7: [0, -1, -1, 0, h, w],
    8: [0, -1, 1, 0, 0, w],
  }[orientation]);
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext("2d");
  context.setTransform(upright.inverse());
  /** @type {[string, number, number][]} */
  const places = [["topLeft", 0, 0], ["topRight", 1, 0], ["bottomLeft", 0, 1], ["bottomRight", 1, 1]];
  for (const [name, x, y] of places) {
    context.fillStyle = corners[name];
    context.fillRect((x * width) / 2, (y * height) / 2, width / 2, height / 2);
  }
  context.fillStyle = "black";
  context.font = `${height / 4}px sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(label, width / 2, height / 2, width * 0.8);
  const pixels = context.getImageData(0, 0, w, h);
  let random = 1;
  for (let at = 0; at < pixels.data.length; at++) {
    random = (random * 1103515245 + 12345) & 0x7fffffff;
    if (at % 4 !== 3) pixels.data[at] += ((random >> 16) % 33) - 16;
  }
  context.putImageData(pixels, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  const reader = new FileReader();
  reader.readAsDataURL(blob);
  await new Promise((done) => (reader.onload = done));
  return String(reader.result).split(",")[1];
}

/** Runs in the browser. Returns the mean colour of a small square near each corner, clockwise from the top left. */
async function read(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const side = Math.max(1, Math.floor(Math.min(bitmap.width, bitmap.height) / 10));
  const far = [bitmap.width - 2 * side, bitmap.height - 2 * side];
  return [[side, side], [far[0], side], far, [side, far[1]]].map(([x, y]) => {
    const { data } = context.getImageData(x, y, side, side);
    return [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let at = channel; at < data.length; at += 4) sum += data[at];
      return sum / (data.length / 4);
    });
  });
}

/** Inserts an EXIF segment at the start of a JPEG. @param {Buffer} jpeg @param {Buffer} block */
function withExif(jpeg, block) {
  const body = Buffer.concat([Buffer.from("Exif\0\0"), block]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}
