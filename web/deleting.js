// The pictures whose deletion the user can still undo. No list shows them.

/** @type {Set<string>} */
export const deleting = new Set();
