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

/** Formats a duration in hours, minutes or seconds. */
export function duration(seconds) {
  const [unit, size] = seconds >= 3600 ? ["hour", 3600] : seconds >= 60 ? ["minute", 60] : ["second", 1];
  const value = Math.round(seconds / size * 10) / 10;
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(value);
}
