// Develops one file with sharp, as often as asked, and prints one JSON line for each of its pipelines:
// node sharp.mjs FILE SIZES RUNS OUT
import fs from "node:fs";
import sharp from "sharp";

const [file, sizesText, runsText, out] = process.argv.slice(2);
const sizes = sizesText.split(",").map(Number).sort((a, b) => b - a);
const runs = Number(runsText);
sharp.cache(false);
sharp.concurrency(1); // the least processor time

const bytes = fs.readFileSync(file);
const fitted = (image, size) => image.resize(size, size, { fit: "inside", withoutEnlargement: true });
const encoded = (image) => image.jpeg({ quality: 80 }).toBuffer();

// Each size from the file.
async function single() {
  const made = [];
  for (const size of sizes) made.push(await encoded(fitted(sharp(bytes).rotate(), size)));
  return made;
}

// As its documentation has it for several sizes: clones of one pipeline, all at once.
async function cloned() {
  const base = sharp(bytes).rotate();
  return Promise.all(sizes.map((size) => encoded(fitted(base.clone(), size))));
}

// The largest size decoded once, the others from its pixels.
async function chained() {
  const [largest, ...rest] = sizes;
  const { data, info } = await fitted(sharp(bytes).rotate(), largest).raw().toBuffer({ resolveWithObject: true });
  const pixels = () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
  const made = [await encoded(pixels())];
  for (const size of rest) made.push(await encoded(fitted(pixels(), size)));
  return made;
}

const peak = () => Number(fs.readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/)[1]);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

for (const pipeline of sizes.length > 1 ? [single, cloned, chained] : [single]) {
  const cpu = [], wall = [];
  let made;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage(), start = performance.now();
    made = await pipeline();
    const used = process.cpuUsage(before);
    cpu.push((used.user + used.system) / 1e3);
    wall.push(performance.now() - start);
  }
  const paths = made.map((bytes, index) => {
    const path = `${out}/sharp-${pipeline.name}-${sizes[index]}`;
    fs.writeFileSync(path, bytes);
    return path;
  });
  console.log(JSON.stringify({ pipeline: pipeline.name, cpu: median(cpu), wall: median(wall), peak: peak(), paths }));
}
