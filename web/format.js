// Formats numbers and times for the user.

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Formats a number of bytes, for example "2.4 MB" or "0 bytes". */
export function bytes(count) {
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** power;
  /** @type {Intl.NumberFormatOptions} */
  const options = {
    style: "unit", unit: UNITS[power], unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && power > 0 ? 1 : 0,
  };
  return new Intl.NumberFormat("en", options).format(value);
}

const NUMBER = new Intl.NumberFormat("en");
/** Formats a number with separators for thousands. */
export const number = (value) => NUMBER.format(value);

const TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
/** Formats a time in the user's time zone. */
export const time = (rfc3339) => (rfc3339 ? TIME.format(new Date(rfc3339)) : "");

// Times of cameras have no time zone, so they are formatted as if they were in UTC.
const LOCAL_TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "full", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
/** Formats a time without a time zone, such as "2026-05-01T14:30:00". */
export const localTime = (text) => LOCAL_TIME.format(new Date(`${text.slice(0, 19)}Z`));
/** Formats a date, such as "2026-05-01". */
export const date = (text) => DATE.format(new Date(text));
/** Formats a month, such as "2026-05". */
export const month = (text) => MONTH.format(new Date(text));

/** The units of a duration, with their lengths in seconds. */
const DURATIONS = [["hour", 3600], ["minute", 60], ["second", 1]];

/** Formats a duration in its two largest units, for example "8 hours 20 minutes". */
export function duration(seconds) {
  const parts = [];
  let rest = Math.round(seconds);
  for (const [unit, size] of DURATIONS) {
    const value = Math.floor(rest / Number(size));
    rest %= Number(size);
    if (value > 0) parts.push(new Intl.NumberFormat("en", { style: "unit", unit: String(unit), unitDisplay: "long" }).format(value));
  }
  return parts.slice(0, 2).join(" ") || "0 seconds";
}

/** Formats a lifetime of hours or days, for example "7 days". */
export function lifetime(seconds) {
  const days = seconds / 86_400;
  return days < 1 ? duration(seconds) : days === 1 ? "1 day" : `${number(days)} days`;
}
