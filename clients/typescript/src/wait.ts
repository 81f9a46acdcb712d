// Pauses.

import { WaitTimeoutError } from "./errors.js";

/** Waits. If the signal is aborted, the promise is rejected with its reason. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/**
 * The pause before attempt `attempt` (1 is the first repetition): half a second, then twice as long each time, with
 * jitter.
 */
export function backoff(attempt: number): number {
  return Math.min(500 * 2 ** (attempt - 1), 30_000) * (0.5 + Math.random() / 2);
}

/** How long to wait for a result. */
export interface WaitOptions {
  /** The longest time to wait, in milliseconds. The default is ten minutes. */
  timeout?: number;
  /** Ends the wait. The promise is then rejected with the reason of the signal. */
  signal?: AbortSignal;
}

/**
 * Calls `ask` with growing pauses, from half a second to five seconds, until it resolves to a value. With
 * `isJustBegun`, the first pause comes before the first call: nothing is ready at once, and each request costs money.
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  what: string,
  options: WaitOptions,
  isJustBegun = false,
): Promise<T> {
  const { timeout = 600_000, signal } = options;
  const end = Date.now() + timeout;
  let pause = 500;
  if (isJustBegun) {
    await sleep(Math.min(pause, timeout), signal);
    pause *= 1.3;
  }
  for (; ; pause = Math.min(pause * 1.3, 5000)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    const left = end - Date.now();
    if (left <= 0) throw new WaitTimeoutError(what, timeout);
    await sleep(Math.min(pause, left), signal);
  }
}
