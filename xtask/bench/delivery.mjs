// Makes one rendition of a file with sharp, as often as asked, and prints one JSON line:
// node delivery.mjs FILE WIDTH HEIGHT FIT FORMAT RUNS OUT. A HEIGHT of 0 follows from the width.
import fs from "node:fs";
import sharp from "sharp";

const [file, width, height, fit, format, runs, out] = process.argv.slice(2);
sharp.cache(false);
sharp.concurrency(1); // the least processor time

const bytes = fs.readFileSync(file);
const area = { width: Number(width), height: Number(height) || undefined };
const fits = { "scale-down": "inside", cover: "cover" };
// For AVIF its own default, 50, and an effort of 4; Darkroom's scale is that of its other formats.
const options = { jpeg: { quality: 80 }, webp: { quality: 80 }, png: {}, avif: {} }[format];
const make = () =>
  sharp(bytes).rotate().resize({ ...area, fit: fits[fit], withoutEnlargement: true }).toFormat(format, options).toBuffer();

const peak = () => Number(fs.readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/)[1]);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const cpu = [], wall = [];
let made;
for (let run = 0; run < Number(runs); run++) {
  const before = process.cpuUsage(), start = performance.now();
  made = await make();
  const used = process.cpuUsage(before);
  cpu.push((used.user + used.system) / 1e3);
  wall.push(performance.now() - start);
}
const path = `${out}/sharp-${width}-${height}.${format}`;
fs.writeFileSync(path, made);
console.log(JSON.stringify({ cpu: median(cpu), wall: median(wall), peak: peak(), path }));
