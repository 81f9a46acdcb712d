// Sends a file to S3 once.

import type { PresignedUpload } from "./types.js";

/** A request that sends no byte for so long is ended. */
const STALL_MS = 60_000;

/**
 * Sends a file with XMLHttpRequest, which reports its progress, or with `fetch` where there is none. Resolves to the
 * status of the response, or to 0 if there is none.
 */
export function sendFile(
  upload: PresignedUpload,
  file: Blob,
  onBytes: (loaded: number) => void,
  signal: AbortSignal | undefined,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<number> {
  return typeof XMLHttpRequest === "undefined"
    ? withFetch(upload, file, signal, fetch)
    : withXhr(upload, file, onBytes, signal);
}

async function withFetch(
  { method, url, headers }: PresignedUpload,
  body: Blob,
  signal: AbortSignal | undefined,
  fetch: typeof globalThis.fetch,
): Promise<number> {
  try {
    const response = await fetch(url, { method, headers: { ...headers }, body, signal: signal ?? null });
    // A body that nobody reads keeps its connection.
    await response.body?.cancel();
    return response.status;
  } catch {
    signal?.throwIfAborted();
    return 0;
  }
}

function withXhr(
  { method, url, headers }: PresignedUpload,
  file: Blob,
  onBytes: (loaded: number) => void,
  signal: AbortSignal | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    let stall: ReturnType<typeof setTimeout>;
    const waitForBytes = () => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
    };
    const end = () => request.abort();
    signal?.addEventListener("abort", end);
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => {
      waitForBytes();
      onBytes(Math.min(loaded, file.size));
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve(request.status);
    };
    waitForBytes();
    request.send(file);
  });
}
