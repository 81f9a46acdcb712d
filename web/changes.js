// What the user has changed in a form. A form sends only this. Otherwise it would undo what others changed meanwhile.

/** The value as a form shows it: without spaces at its ends, and with the line breaks of a text area. */
const asShown = (value) =>
  JSON.stringify(typeof value === "string" ? value.trim().replace(/\r\n?/g, "\n") || null : value ?? null);

/**
 * Returns the fields of `wanted` that differ from what the form has shown, or null if none differs.
 * @param {Record<string, any>} shown
 * @param {Record<string, unknown>} wanted
 */
export function changesOf(shown, wanted) {
  const changes = Object.entries(wanted).filter(([name, value]) => asShown(value) !== asShown(shown[name]));
  return changes.length > 0 ? Object.fromEntries(changes) : null;
}
