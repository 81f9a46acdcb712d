// Repeats requests after temporary failures.

/**
 * Calls `work`, and again after each temporary failure, `attempts` times at most. A signal that is aborted ends the pauses,
 * so a request of `work` needs it too.
 * @template Result
 * @param {() => Promise<Result>} work
 * @param {number} attempts
 * @param {AbortSignal} [signal]
 * @returns {Promise<Result>}
 */
export async function retry(work, attempts, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!error.transient || attempt === attempts) throw error;
      await pause((error.retryAfter ?? attempt) * 1000, signal);
    }
  }
}

/** Waits, but no longer than until a signal is aborted. @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((wake) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      wake();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
