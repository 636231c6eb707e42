/**
 * Which seasons there are, asked for seldom, and what time it is where they end.
 *
 * @typedef {{name: string, state: "current" | "sealed", startedAt: string, endsAt: string | null,
 *   sealedAt: string | null}} Season
 */

const EVERY_MS = 60_000;
const PATIENCE_MS = 10_000;

let asking = new AbortController();
let askedAt = 0;
// How far the server's clock is ahead of this one, which may be wrong.
let aheadMs = 0;
/** @type {(seasons: Season[] | null) => void} */
let tell = () => {};

/** @param {(seasons: Season[] | null) => void} listener told them, the current one first; null when nobody knows */
export function watchSeasons(listener) {
  tell = listener;
  setInterval(askAgain, EVERY_MS);
  document.addEventListener("visibilitychange", askAgain);
  askSeasons();
}

/** Now, whatever is on its way. */
export async function askSeasons() {
  asking.abort();
  const mine = asking = new AbortController();
  askedAt = Date.now();
  const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const response = await fetch("/api/seasons", { cache: "no-store", signal });
    if (!response.ok) throw new Error(response.statusText);
    const date = Date.parse(response.headers.get("Date") ?? "");
    const { seasons } = await response.json();
    // The header leaves out the part of a second, which is half of one on average.
    if (date) aheadMs = date + 500 - (askedAt + Date.now()) / 2;
    tell(seasons);
  } catch {
    if (!mine.signal.aborted) tell(null);
  }
}

/** What the server's clock shows. */
export function serverNow() {
  return Date.now() + aheadMs;
}

function askAgain() {
  // Timers are never exact: a little early is a minute, too.
  if (!document.hidden && Date.now() - askedAt > EVERY_MS * 0.9) askSeasons();
}
