// Browser globals that the page's modules need and Node.js does not have. Import this file before the modules.

/** @type {any} */
const globals = globalThis;
const target = new EventTarget();
globals.addEventListener = target.addEventListener.bind(target);
globals.removeEventListener = target.removeEventListener.bind(target);
globals.dispatchEvent = target.dispatchEvent.bind(target);
globals.document = Object.assign(new EventTarget(), { hidden: false });
globals.innerWidth = 1280;
globals.devicePixelRatio = 1;
const stored = new Map();
Object.defineProperty(globals, "localStorage", {
  value: {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
    removeItem: (key) => stored.delete(key),
  },
});
