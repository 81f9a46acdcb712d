// What a camera wrote into a picture, as rows of the picture's facts.

import { h } from "./dom.js";
import { localTime } from "./format.js";
import { texts } from "./texts.js";

const words = texts.exif;

/**
 * Returns labels and values. The place is text: a link to a map would tell the provider of the map where the picture was
 * taken.
 * @param {Api.Exif | null} exif
 */
export function exifRows(exif) {
  if (!exif) return [];
  const { taken_at, camera, lens, exposure_time, f_number, iso, focal_length, location } = exif;
  return [
    taken_at && [words.taken, taken(taken_at)],
    camera && [words.camera, camera],
    lens && [words.lens, lens],
    exposure_time && [words.exposureTime, words.seconds(exposure_time)],
    f_number && [words.aperture, words.fNumber(f_number)],
    iso && [words.sensitivity, words.iso(iso)],
    focal_length && [words.focalLength, words.millimetres(focal_length)],
    location && [words.place, place(location)],
  ];
}

/** @param {string} time */
function taken(time) {
  const [, offset = ""] = time.match(/([+-]\d\d:\d\d)$/) ?? [];
  return h("time", { datetime: time }, words.takenAt(localTime(time), offset));
}

/** @param {Api.Location} location */
function place({ latitude, longitude, altitude }) {
  return [words.degrees(latitude, longitude), altitude !== null && words.altitude(altitude),
    h("span", { class: "quiet private" }, words.private)];
}
