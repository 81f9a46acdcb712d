// Shows the contract with Swagger UI. Requests are sent as the user who is logged in at the page, if there is one.

/** @type {any} */
const SwaggerUI = globalThis.SwaggerUIBundle;
/** The name of the security scheme in the contract. */
const SCHEME = "accessToken";
/** The page at `/` sets this key after a login: see web/api.js. */
const SESSION_KEY = "darkroom.session";
/** A token is renewed this long before it expires. */
const MARGIN_MS = 60_000;

/** The user's access token and when it expires, or null without a login. @type {{token: string, expires: number} | null} */
let access = null;

/** Gets an access token with the cookie of the session, which scripts cannot read. */
async function renewToken() {
  const response = await fetch("/api/auth/token/refresh", {
    method: "POST", headers: { "content-type": "application/json" }, body: "{}",
  });
  if (!response.ok) return null;
  const { access_token: token } = await response.json();
  const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return { token, expires: claims.exp * 1000 };
}

/** Sets the token of each request anew if it is about to expire. */
async function renewIfExpired(request) {
  const header = request.headers?.Authorization;
  if (access && header === `Bearer ${access.token}` && access.expires - Date.now() < MARGIN_MS) {
    access = await renewToken();
    if (access) request.headers.Authorization = `Bearer ${access.token}`;
  }
  return request;
}

/** Keeps the operations that contain all words of the phrase in their tag, path, method, id, summary or description. */
function opsFilter(groups, phrase) {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (tag, one) => {
    const text = [tag, one.get("method"), one.get("path"),
      ...["operationId", "summary", "description"].map((name) => one.getIn(["operation", name]))].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return groups
    .map((group, tag) => group.set("operations", group.get("operations").filter((one) => fits(tag, one))))
    .filter((group) => group.get("operations").size > 0);
}

/**
 * Changes parts of Swagger UI: the field for a search gets a label. The header shows the only server. A path is no link,
 * because it is inside of a button. The groups of operations are headings of the second level, below the title.
 */
function DarkroomPlugin({ React }) {
  const create = React.createElement;
  const FilterContainer = ({ layoutActions, layoutSelectors }) => {
    const value = layoutSelectors.currentFilter();
    return create("div", { className: "wrapper docs-search", role: "search" }, create("input", {
      type: "search", "aria-label": "Search operations", placeholder: "Search operations", className: "operation-filter-input",
      value: typeof value === "string" ? value : "", onChange: (event) => layoutActions.updateFilter(event.target.value),
    }));
  };
  const components = { FilterContainer, ServersContainer: () => null, DeepLink: ({ text }) => create("span", null, text) };
  return { components, fn: { opsFilter } };
}

/** The levels of headings below the title, by their places in Swagger UI. */
const LEVELS = { "h3.opblock-tag": 2, ".models > h4": 2, ".opblock h4": 3, ".opblock h5": 4 };

/** Mends what a screen reader says of elements that Swagger UI creates: levels of headings, and a landmark. */
function mendRoles() {
  for (const [places, level] of Object.entries(LEVELS)) {
    for (const heading of document.querySelectorAll(`:is(${places}):not([aria-level])`)) heading.setAttribute("aria-level", String(level));
  }
  const about = document.querySelector(".information-container:not([role])");
  about?.setAttribute("role", "region");
  about?.setAttribute("aria-label", "About the API");
}

function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", show);
  show();
}

/** @param {string} id @param {string} text */
const say = (id, text) => {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
};

async function start() {
  followColorScheme();
  new MutationObserver(mendRoles).observe(document.body, { childList: true, subtree: true });
  const [contract] = await Promise.all([
    fetch("/api/openapi.json").then((response) => response.json()),
    localStorage.getItem(SESSION_KEY) !== null && renewToken().then((renewed) => {
      access = renewed;
    }, () => {}),
  ]);
  contract.servers = [{ url: location.origin }];
  say("docs-address", `Base address: ${location.origin}`);
  say("docs-login", access ? "Requests that you try here are sent as the user who is logged in." : "Log in at the page, or paste an access token under “Authorize”, to try requests that need a login.");
  const ui = SwaggerUI({
    spec: contract,
    dom_id: "#docs",
    presets: [SwaggerUI.presets.apis],
    plugins: [DarkroomPlugin],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: renewIfExpired,
    onComplete: () => access && ui.preauthorizeApiKey(SCHEME, access.token),
  });
}

start().catch(() => say("docs", "The documentation could not be loaded. Reload the page."));
