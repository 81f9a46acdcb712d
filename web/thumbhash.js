// Draws a ThumbHash (https://evanw.github.io/thumbhash/). It stores a few cosine terms for lightness, for two colour
// differences and, in a picture with transparency, for alpha.

/** In pixels. This is enough for seven cosine terms, and needs a quarter of the work of 32. */
const LONGER_SIDE = 16;

/**
 * Draws the placeholder of a picture into a canvas, and sets the size of the canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {string} base64 the ThumbHash
 */
export function drawThumbhash(canvas, base64) {
  const { width, height, pixels } = decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** Decodes a ThumbHash into RGBA pixels. @param {Uint8Array} hash */
export function decode(hash) {
  const head = hash[0] | hash[1] << 8 | hash[2] << 16;
  const tail = hash[3] | hash[4] << 8;
  const hasAlpha = head >> 23 === 1;
  const isLandscape = tail >> 15 === 1;
  const longest = hasAlpha ? 5 : 7;
  const [across, down] = isLandscape ? [longest, tail & 7] : [tail & 7, longest];
  const [columns, rows] = [Math.max(3, across), Math.max(3, down)];

  // The amplitudes are stored as half bytes, one channel after the other.
  let nibble = (hasAlpha ? 6 : 5) * 2;
  const channel = (columns, rows, scale) => {
    const terms = [];
    for (let y = 0; y < rows; y++) {
      for (let x = y === 0 ? 1 : 0; x * rows < columns * (rows - y); x++, nibble++) {
        const amplitude = hash[nibble >> 1] >> (nibble & 1) * 4 & 15;
        terms.push({ x, y, value: (amplitude / 7.5 - 1) * scale });
      }
    }
    return terms;
  };
  const lightness = { mean: (head & 63) / 63, terms: channel(columns, rows, (head >> 18 & 31) / 31) };
  // The encoder stores colours weaker than they are, so the scale is multiplied by 1.25.
  const yellowBlue = { mean: (head >> 6 & 63) / 31.5 - 1, terms: channel(3, 3, (tail >> 3 & 63) / 63 * 1.25) };
  const redGreen = { mean: (head >> 12 & 63) / 31.5 - 1, terms: channel(3, 3, (tail >> 9 & 63) / 63 * 1.25) };
  const alpha = hasAlpha
    ? { mean: (hash[5] & 15) / 15, terms: channel(5, 5, (hash[5] >> 4) / 15) }
    : { mean: 1, terms: [] };

  const longer = Math.max(across, down);
  const width = Math.max(1, Math.round(LONGER_SIDE * across / longer));
  const height = Math.max(1, Math.round(LONGER_SIDE * down / longer));
  const waves = (length, count) => Array.from({ length }, (_, at) =>
    Array.from({ length: count }, (_, wave) => Math.cos(Math.PI / length * (at + 0.5) * wave)));
  const [horizontal, vertical] = [waves(width, 7), waves(height, 7)];
  const at = ({ mean, terms }, x, y) =>
    terms.reduce((sum, term) => sum + 2 * term.value * horizontal[x][term.x] * vertical[y][term.y], mean);

  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index += 4) {
      const l = at(lightness, x, y);
      const p = at(yellowBlue, x, y);
      const q = at(redGreen, x, y);
      const blue = l - 2 / 3 * p;
      const red = (3 * l - blue + q) / 2;
      pixels[index] = 255 * red;
      pixels[index + 1] = 255 * (red - q);
      pixels[index + 2] = 255 * blue;
      pixels[index + 3] = 255 * at(alpha, x, y);
    }
  }
  return { width, height, pixels };
}
