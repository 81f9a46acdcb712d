// The user who is logged in, and the user's tier.

import { call, callPublic } from "./api.js";

/** @type {{profile: Api.Profile | null, tier: Api.Tier | null, tiers: Api.Tier[]}} */
export const state = { profile: null, tier: null, tiers: [] };

export const isAdmin = () => state.profile?.groups.includes("admin") ?? false;
/** Whether the service has an AI provider and the user's tier includes AI. */
export const mayUseAi = () => Boolean(state.profile?.features.ai && state.tier?.ai);
/** Whether a deleted picture goes to the trash. */
export const hasTrash = () => (state.tier?.trash_days ?? 0) > 0;

/** Increases with each logout, so that responses for an earlier user are ignored. */
let generation = 0;

/** Loads the profile and the tiers. @returns {Promise<Api.Profile>} */
export async function loadProfile() {
  const startGeneration = generation;
  const [profile, { account_tiers: tiers }] = await Promise.all([
    call("GET", "/api/auth/profile"),
    callPublic("GET", "/api/account-tiers"),
  ]);
  if (startGeneration !== generation) return profile;
  state.profile = profile;
  state.tiers = tiers;
  state.tier = tiers.find((tier) => tier.id === profile.tier) ?? null;
  return profile;
}

/** Loads the profile again, because its usage has changed. */
export const renewUsage = () => loadProfile().catch(() => {});

/** Removes the profile after a logout. */
export function clearProfile() {
  generation += 1;
  state.profile = state.tier = null;
}
