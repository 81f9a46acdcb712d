// Loaders for next/image, Nuxt Image and unpic: docs/LOADERS.md explains them. Copy this file into your application.

/** The longest side of a rendition, in pixels. */
const LONGEST = 4096;

/** The parameters of `GET /api/images/{id}/rendition`. */
const PARAMETERS = ["width", "height", "fit", "gravity", "background", "quality", "dpr", "format"];

/**
 * @typedef {object} Rendition The parameters of a rendition. docs/openapi.yaml explains them.
 * @property {number | string} [width]
 * @property {number | string} [height]
 * @property {string} [fit] scale-down, contain, cover, crop or pad
 * @property {string} [gravity] auto, or a point such as 0.5x0.33
 * @property {string} [background] such as ffffff
 * @property {number | string} [quality] 1 to 100
 * @property {number | string} [dpr] 1 to 3
 * @property {string} [format] auto, jpeg, png, webp or avif
 */

/**
 * Returns the address of a rendition. Sides above 4096 pixels are reduced, and the shape stays.
 *
 * An `img` sends no access token, so `base` is the address of a server that adds it, for example with `forwardRendition`.
 *
 * @param {string} base what precedes `/api/images`
 * @param {string} id the id of the image
 * @param {Rendition} rendition
 * @returns {string}
 */
export function renditionUrl(base, id, rendition) {
  const longer = Math.max(Number(rendition.width ?? 0), Number(rendition.height ?? 0));
  const scale = longer > LONGEST ? LONGEST / longer : 1;
  const query = new URLSearchParams();
  for (const name of PARAMETERS) {
    const value = rendition[name];
    if (value === undefined || value === null || value === "") continue;
    const isSide = name === "width" || name === "height";
    query.set(name, isSide ? String(Math.max(1, Math.round(Number(value) * scale))) : String(value));
  }
  return `${base.replace(/\/+$/, "")}/api/images/${encodeURIComponent(id.replace(/^\/+/, ""))}/rendition?${query}`;
}

/**
 * Creates a loader for next/image. The `src` of the image is the image's id.
 *
 * next/image tells a loader only the width. With `ratio` (the width divided by the height), renditions have that shape, and
 * `fit` is `cover` unless another one is given.
 *
 * @param {string} base
 * @param {Omit<Rendition, "width" | "height"> & { ratio?: number }} [options]
 * @returns {(image: { src: string, width: number, quality?: number }) => string}
 */
export function nextLoader(base, { ratio, ...rendition } = {}) {
  return ({ src, width, quality }) => renditionUrl(base, src, {
    fit: ratio ? "cover" : undefined, ...rendition, width, height: ratio && width / ratio, quality: quality ?? rendition.quality,
  });
}

/** What Nuxt Image calls the fits. Its `fill` and `outside` do not exist here. */
const NUXT_FITS = { contain: "pad", inside: "scale-down" };

/**
 * The provider for Nuxt Image. The `src` is the image's id, and the modifiers are the parameters of a rendition.
 *
 * @param {string} src
 * @param {{ modifiers?: Rendition, baseURL?: string }} options
 */
export function getImage(src, { modifiers = {}, baseURL = "" }) {
  const { fit, format } = modifiers;
  const rendition = { ...modifiers, fit: NUXT_FITS[fit] ?? fit, format: format === "jpg" ? "jpeg" : format };
  return { url: renditionUrl(baseURL, src, rendition) };
}

/** Nuxt Image takes the provider from the default export. */
export default () => ({ getImage });

/**
 * The transformer for unpic. The `src` is the image's id, and the operations are the parameters of a rendition.
 *
 * @param {string | URL} src
 * @param {Rendition} operations
 * @param {{ baseURL?: string }} [options]
 * @returns {string}
 */
export function transform(src, operations, { baseURL = "" } = {}) {
  // unpic shows a picture of another shape as `cover`.
  const fit = operations.width && operations.height ? "cover" : undefined;
  return renditionUrl(baseURL, String(src), { fit, ...operations });
}

/** The headers of an answer that a browser needs. */
const ANSWERED = ["cache-control", "content-type", "location", "retry-after", "vary"];

/**
 * Answers the request of an `img` on a server: asks Darkroom with the user's token, and passes the redirect on. While the
 * rendition is being made, it asks again.
 *
 * @param {Request} request its path ends with `/api/images/{id}/rendition`
 * @param {string} darkroom the address of the API, without `/api`
 * @param {string} token the user's access token
 * @returns {Promise<Response>}
 */
export async function forwardRendition(request, darkroom, token) {
  const { pathname, search } = new URL(request.url);
  const path = /\/api\/images\/[^/]+\/rendition$/.exec(pathname)?.[0];
  if (!path) return new Response(null, { status: 404 });
  const headers = { authorization: `Bearer ${token}`, accept: request.headers.get("accept") ?? "*/*" };
  for (let attempts = 5; ; attempts--) {
    const answer = await fetch(darkroom + path + search, { headers, redirect: "manual" });
    const seconds = Number(answer.headers.get("retry-after"));
    if (answer.status === 503 && attempts > 1 && seconds > 0 && seconds <= 5) {
      await answer.body?.cancel();
      await new Promise((wake) => setTimeout(wake, seconds * 1000));
      continue;
    }
    const passed = ANSWERED.flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return new Response(answer.body, { status: answer.status, headers: Object.fromEntries(passed) });
  }
}
