// The user who is logged in, and the user's tier.

import { call, callPublic } from "./api.js";

/** @type {{profile: Api.Profile | null, tier: Api.Tier | null, tiers: Api.Tier[]}} */
export const state = { profile: null, tier: null, tiers: [] };

export const isAdmin = () => state.profile?.groups.includes("admin") ?? false;
/** Whether the service has an AI provider and the user's tier includes AI. */
export const mayUseAi = () => Boolean(state.profile?.features.ai && state.tier?.ai);
/** Whether a deleted picture goes to the trash. */
export const hasTrash = () => (state.tier?.trash_days ?? 0) > 0;

/** The profile is loaded again after this time, when the user goes on to another view or picture. */
const MAX_AGE_MS = 30_000;
/** After a refusal, the profile is not loaded again within this time: many requests may be refused at once. */
const MIN_AGE_MS = 2_000;

/** Increases with each logout, so that responses for an earlier user are ignored. */
let generation = 0;
/** When the page began to load the profile, in milliseconds. */
let loadedAt = 0;

/** Loads the profile and the tiers. @returns {Promise<Api.Profile>} */
export async function loadProfile() {
  const startGeneration = generation;
  loadedAt = Date.now();
  const [profile, { account_tiers: tiers }] = await Promise.all([
    call("GET", "/api/auth/profile"),
    callPublic("GET", "/api/account-tiers"),
  ]);
  if (startGeneration !== generation) return profile;
  const before = state.profile && rules();
  state.profile = profile;
  state.tiers = tiers;
  state.tier = tiers.find((tier) => tier.id === profile.tier) ?? null;
  if (before && before !== rules()) dispatchEvent(new CustomEvent("rules"));
  return profile;
}

/** What the user may do, as a text. */
const rules = () => JSON.stringify([state.tier, state.profile?.features]);

/** Calls `listener` when the user may do more or less than before. @param {() => void} listener @param {AbortSignal} signal */
export function onRulesChanged(listener, signal) {
  addEventListener("rules", listener, { signal });
}

/** Loads the profile again, because its usage has changed. */
export const renewUsage = () => loadProfile().catch(() => {});

/** Loads the profile again if it is old, because an admin may have moved the user to another tier. */
export function renewProfile(maxAge = MAX_AGE_MS) {
  if (state.profile && Date.now() - loadedAt > maxAge) renewUsage();
}

// The tier does not include what the page has offered.
addEventListener("not-in-tier", () => renewProfile(MIN_AGE_MS));

/** Removes the profile after a logout. */
export function clearProfile() {
  generation += 1;
  state.profile = state.tier = null;
}
