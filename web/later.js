// The views that a first visit seldom shows. The page loads this script after its first view, or when it shows one of these.

import { accountView } from "./views/account.js";
import { adminView } from "./views/admin.js";
import { keysView } from "./views/keys.js";
import { webhookView, webhooksView } from "./views/webhooks.js";

export const laterViews = { accountView, adminView, keysView, webhookView, webhooksView };
