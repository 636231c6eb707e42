/**
 * Reading the boards of seasons that have ended.
 *
 * @typedef {import("./scoreboard.js").Row} Row
 * @typedef {{leaderboard: Row[], userRank?: {rank: number, score: number} | null, totalUsers: number, season: string,
 *   archive?: {sealedAt: string, digest: string, edition: "announced" | "corrected", corrections: number}}} Final
 * @typedef {{edition?: string | null, limit?: number, offset?: number, token?: string | null, signal: AbortSignal,
 *   onWait?: (words: string) => void}} Wish
 */

const PATIENCE_MS = 10_000;
const TRIES = 8;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;

/** The server's no, in words for people. */
export class Refused extends Error {
  /** @param {number} status @param {{code?: string, message?: string}} problem */
  constructor(status, { code, message }) {
    super(message ?? "The server can’t answer that.");
    this.status = status;
    this.code = code;
  }
}

/**
 * A season's final board; one that is still being written, and a server that is away, are waited for.
 * Throws Refused, or what `fetch` throws.
 * @param {string} season @param {Wish} wish onWait: told why it takes so long
 * @returns {Promise<Final>}
 */
export async function readFinal(season, wish) {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await read(season, wish);
    } catch (error) {
      const lasting = error instanceof Refused && error.status < 500;
      if (lasting || !left || wish.signal.aborted) throw error;
      wish.onWait?.(error instanceof Refused ? error.message : "The server can’t be reached; trying again.");
      await pause(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (TRIES - 2 - left)), wish.signal);
    }
  }
}

/** @param {string} season @param {Wish} wish @returns {Promise<Final>} */
async function read(season, { edition, limit, offset, token, signal }) {
  const query = new URLSearchParams({ season });
  if (edition) query.set("edition", edition);
  if (limit) query.set("limit", String(limit));
  if (offset) query.set("offset", String(offset));
  /** @type {Record<string, string>} */
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const response = await fetch(`/api/leaderboard?${query}`, { headers, signal: patience });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response.json();
}

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
