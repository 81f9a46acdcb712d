// The texts of the script that the page loads later.

import { accountTexts } from "./account-texts.js";
import { adminTexts, tableTexts } from "./admin-texts.js";
import { keyTexts, webhookTexts } from "./program-texts.js";

export const laterTexts = {
  account: accountTexts,
  admin: adminTexts,
  keys: keyTexts,
  table: tableTexts,
  webhooks: webhookTexts,
};
