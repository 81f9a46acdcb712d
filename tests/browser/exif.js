// Writes EXIF blocks as phones do (EXIF 2.32, sections 4.6.2 and 4.6.3).

/** A type of values: its number, and how to write them. */
const SHORT = { type: 3, bytes: (values) => numbers(values, 2) };
const LONG = { type: 4, bytes: (values) => numbers(values, 4) };
const ASCII = { type: 2, bytes: ([text]) => Buffer.from(`${text}\0`) };
const RATIONAL = { type: 5, bytes: (values) => numbers(values.flat(), 4) };

function numbers(values, size) {
  const bytes = Buffer.alloc(values.length * size);
  values.forEach((value, index) => bytes.writeUIntBE(value, index * size, size));
  return bytes;
}

/**
 * A directory of fields, as it is at an offset of the block: the entries, and then the values of more than four bytes.
 * @param {[number, typeof SHORT, any[]][]} fields numbers of tags, types and values, sorted by tag
 * @param {number} offset
 */
function directory(fields, offset) {
  const entries = Buffer.alloc(2 + fields.length * 12 + 4);
  entries.writeUInt16BE(fields.length, 0);
  const values = [];
  let free = offset + entries.length;
  fields.forEach(([tag, { type, bytes }, given], index) => {
    const at = 2 + index * 12;
    const value = bytes(given);
    entries.writeUInt16BE(tag, at);
    entries.writeUInt16BE(type, at + 2);
    entries.writeUInt32BE(type === ASCII.type ? value.length : given.length, at + 4);
    if (value.length <= 4) return void value.copy(entries, at + 8);
    entries.writeUInt32BE(free, at + 8);
    values.push(value);
    free += value.length;
  });
  return Buffer.concat([entries, ...values]);
}

/** The numbers of the tags are those of the standard. */
const PHOTO = (time) => /** @type {Parameters<typeof directory>[0]} */ ([
  [0x829a, RATIONAL, [[1, 250]]],
  [0x829d, RATIONAL, [[178, 100]]],
  [0x8827, SHORT, [64]],
  [0x9003, ASCII, [time]],
  [0x9011, ASCII, ["+10:00"]],
  [0x920a, RATIONAL, [[6765, 1000]]],
  [0xa434, ASCII, ["back camera 6.765mm f/1.78"]],
]);
/** @type {Parameters<typeof directory>[0]} */
const SYDNEY = [
  [1, ASCII, ["S"]],
  [2, RATIONAL, [[33, 1], [51, 1], [3550, 100]]],
  [3, ASCII, ["E"]],
  [4, RATIONAL, [[151, 1], [12, 1], [4000, 100]]],
];

/**
 * A block with an orientation, and with what a phone writes in Sydney if there is a time.
 * @param {number} orientation
 * @param {string} takenAt
 */
export function exifBlock(orientation, takenAt) {
  const header = Buffer.from("MM\0\x2a\0\0\0\x08", "latin1");
  /** @type {(photo: number, place: number) => Parameters<typeof directory>[0]} */
  const first = (photo, place) => (!takenAt ? [[0x0112, SHORT, [orientation]]] : [
    [0x010f, ASCII, ["Apple"]],
    [0x0110, ASCII, ["iPhone 15 Pro"]],
    [0x0112, SHORT, [orientation]],
    [0x8769, LONG, [photo]],
    [0x8825, LONG, [place]],
  ]);
  const photoAt = header.length + directory(first(0, 0), header.length).length;
  const photo = directory(PHOTO(takenAt), photoAt);
  const place = directory(SYDNEY, photoAt + photo.length);
  const start = directory(first(photoAt, photoAt + photo.length), header.length);
  return Buffer.concat(takenAt ? [header, start, photo, place] : [header, start]);
}
