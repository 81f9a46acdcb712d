// Numbers and times as people read them.

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** A number of bytes, such as "2.4 MB". */
export function bytes(count) {
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** power;
  /** @type {Intl.NumberFormatOptions} */
  const options = { style: "unit", unit: UNITS[power], maximumFractionDigits: value < 10 && power > 0 ? 1 : 0 };
  return new Intl.NumberFormat("en", options).format(value);
}

const NUMBER = new Intl.NumberFormat("en");
export const number = (value) => NUMBER.format(value);

const TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
/** An instant in the reader's own time zone. */
export const time = (rfc3339) => (rfc3339 ? TIME.format(new Date(rfc3339)) : "");

/** A duration in seconds, in the unit that reads best. */
export function duration(seconds) {
  const [unit, size] = seconds >= 3600 ? ["hour", 3600] : seconds >= 60 ? ["minute", 60] : ["second", 1];
  const value = Math.round(seconds / size * 10) / 10;
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(value);
}
