// What a tier allows, in words: for the account and for admins.

import { bytes, number } from "./format.js";
import { state } from "./state.js";
import { texts } from "./texts.js";

const words = texts.tier;
const yesNo = (value) => (value ? texts.yes : texts.no);

/**
 * Returns the label and the value of each rule. A limit of what the tier does not include is not shown.
 * @param {Api.Tier} tier
 * @returns {[string, string][]}
 */
export function tierFacts(tier) {
  return [
    [words.sizes, words.px(tier.thumbnail_sizes)],
    [words.maxImages, number(tier.max_images)],
    [words.maxSets, number(tier.max_sets)],
    [words.maxPendingUploads, number(tier.max_pending_uploads)],
    [words.maxBytes, bytes(tier.max_image_bytes)],
    [words.original, yesNo(tier.original_link)],
    [words.expiring, yesNo(tier.expiring_links)],
    [words.maxLinks, tier.expiring_links ? number(tier.max_links) : texts.no],
    [words.renditions, yesNo(tier.renditions)],
    [words.ai, tier.ai && !state.profile?.features.ai ? words.noProvider : yesNo(tier.ai)],
    [words.maxAiCalls, tier.ai ? number(tier.max_ai_calls_per_day) : texts.no],
    [words.trashDays, number(tier.trash_days)],
  ];
}
