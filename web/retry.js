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
      await new Promise((wake) => {
        setTimeout(wake, (error.retryAfter ?? attempt) * 1000);
        signal?.addEventListener("abort", wake, { once: true });
      });
    }
  }
}
