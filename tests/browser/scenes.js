// Generates landscapes for screenshots: layers of hills in haze, under skies of different times of day.

import { blankPage } from "./browser.js";

/** Colours of the sky from top to bottom, of far and near hills, and of the sun or moon. */
const HOURS = [
  { name: "dawn", sky: ["#2b3a67", "#7d6b9e", "#e8a598", "#fbd9a5"], far: "#b98f9f", near: "#1d1b33", disc: "#fff1d0" },
  { name: "noon", sky: ["#2f7fc4", "#78b7e3", "#d7ecf5"], far: "#9db9c4", near: "#1f3a2c", disc: "#ffffff" },
  { name: "evening", sky: ["#1f2a4d", "#8d3f5f", "#e8683f", "#f9c25c"], far: "#b5574a", near: "#190f1c", disc: "#ffe3a1" },
  { name: "mist", sky: ["#aab8bf", "#cfd8da", "#e9ebe6"], far: "#bcc7c8", near: "#2c3b40", disc: "#fbfaf2" },
  { name: "night", sky: ["#050914", "#0d1a33", "#22406a"], far: "#1d3557", near: "#04070d", disc: "#eef3ff" },
  { name: "desert", sky: ["#3d7ea6", "#9cc5c9", "#f6e3c0"], far: "#d9a36a", near: "#7a3b1e", disc: "#fffbe8" },
  { name: "autumn", sky: ["#5b86a8", "#b3c7cc", "#f3dfc1"], far: "#c9a27e", near: "#5a2413", disc: "#fff3d6" },
  { name: "aurora", sky: ["#06121f", "#0b3a45", "#2a8f74", "#a6e3b0"], far: "#164a4f", near: "#030b10", disc: "#f0fff4" },
];

/** The number of different skies. */
export const HOUR_COUNT = HOURS.length;

/**
 * Generates a landscape as JPEG. The same seed gives the same picture.
 * @param {number} seed
 * @returns {Promise<{name: string, buffer: Buffer}>}
 */
export async function scene(seed) {
  const hour = HOURS[seed % HOURS.length];
  const upright = seed % 5 === 3;
  const size = upright ? { width: 1000, height: 1500 } : { width: 1800, height: 1200 };
  const base64 = await (await blankPage()).evaluate(paint, { seed, hour, ...size });
  return { name: `${hour.name}-${String(seed).padStart(4, "0")}.jpg`, buffer: Buffer.from(base64, "base64") };
}

/** Runs in the browser. */
async function paint({ seed, hour, width, height }) {
  let state = seed * 2654435761 % 2 ** 32;
  const random = () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
  for (let warm = 0; warm < 9; warm++) random();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const gradient = (colours, from, to) => {
    const made = context.createLinearGradient(0, from, 0, to);
    colours.forEach((colour, index) => made.addColorStop(index / (colours.length - 1), colour));
    return made;
  };
  const horizon = height * (0.5 + random() * 0.15);
  context.fillStyle = gradient(hour.sky, 0, horizon * 1.1);
  context.fillRect(0, 0, width, height);

  if (hour.name === "night" || hour.name === "aurora") {
    context.fillStyle = "#ffffff";
    for (let star = 0; star < 500; star++) {
      context.globalAlpha = random() ** 3;
      context.fillRect(random() * width, random() * horizon, 1 + random() * 2.5, 1 + random() * 2.5);
    }
    context.globalAlpha = 1;
  }
  const disc = { x: width * (0.2 + random() * 0.6), y: horizon * (0.35 + random() * 0.5), radius: height * (0.02 + random() * 0.03) };
  const glow = context.createRadialGradient(disc.x, disc.y, disc.radius * 0.6, disc.x, disc.y, height * 0.45);
  glow.addColorStop(0, hour.disc);
  glow.addColorStop(0.08, `${hour.disc}99`);
  glow.addColorStop(1, `${hour.disc}00`);
  context.fillStyle = glow;
  context.fillRect(0, 0, width, height);

  // Midpoint displacement: each step halves the segments and moves the new points less than before.
  const ridge = (roughness) => {
    let line = [random(), random()];
    for (let step = 1; line.length < width / 2; step *= roughness) {
      line = line.flatMap((y, index) => (index === 0 ? [y] : [(line[index - 1] + y) / 2 + (random() - 0.5) * step, y]));
    }
    return line;
  };
  const channel = (colour, at) => parseInt(colour.slice(1 + 2 * at, 3 + 2 * at), 16);
  const between = (a, b, part) => `rgb(${[0, 1, 2].map((at) => Math.round(channel(a, at) + (channel(b, at) - channel(a, at)) * part))})`;
  const layers = 5 + Math.floor(random() * 3);
  for (let layer = 0; layer < layers; layer++) {
    const part = layer / (layers - 1);
    const line = ridge(0.52 + random() * 0.06);
    const base = horizon + (height - horizon) * part * 0.75;
    const rise = height * (0.2 - 0.09 * part);
    context.beginPath();
    context.moveTo(0, height);
    line.forEach((y, index) => context.lineTo(index / (line.length - 1) * width, base - y * rise));
    context.lineTo(width, height);
    context.fillStyle = gradient([between(hour.far, hour.near, part), between(hour.far, hour.near, Math.max(0, part - 0.22))], base - rise, base + rise);
    context.fill();
  }
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const grain = (random() + random() - 1) * 13;
    for (const offset of [0, 1, 2]) pixels.data[at + offset] += grain;
  }
  context.putImageData(pixels, 0, 0);
  const reader = new FileReader();
  reader.readAsDataURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 }));
  await new Promise((done) => (reader.onload = done));
  return String(reader.result).split(",")[1];
}
