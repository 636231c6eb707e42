/**
 * ALTCHA in the browser: finds the number that the server has hidden, which takes a moment of work and nothing
 * from any third party.
 *
 * @typedef {{algorithm: string, challenge: string, maxNumber: number, salt: string, signature: string}} Challenge
 */

// Hashed between two looks at the clock: some milliseconds, so that the page stays alive.
const AT_ONCE = 500;

const encoder = new TextEncoder();

/**
 * The answer to what `GET /api/captcha` offers, to be sent as `captcha`. Throws an Error in words for people.
 * @param {AbortSignal} [signal]
 */
export async function answerCaptcha(signal) {
  const response = await fetch("/api/captcha", { signal });
  if (!response.ok) throw new Error("The captcha could not be fetched. Try again in a moment.");
  const offer = await response.json();
  if (offer.provider !== "altcha") throw new Error(`This page can’t show the captcha of ${offer.provider}.`);
  return answerText(offer, await solve(offer, signal));
}

/**
 * The number whose hash behind the salt is the challenge.
 * @param {Challenge} challenge @param {AbortSignal} [signal]
 */
export async function solve({ algorithm, challenge, maxNumber, salt }, signal) {
  // Browsers hash only on pages that nobody on the way can have changed.
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) throw new Error("Solving the captcha takes a secure page: open this one over https or on localhost.");
  const wanted = parseInt(challenge.slice(0, 8), 16);
  for (let first = 0; first <= maxNumber; first += AT_ONCE) {
    signal?.throwIfAborted();
    const numbers = Array.from({ length: Math.min(AT_ONCE, maxNumber - first + 1) }, (_, i) => first + i);
    const hashes = await Promise.all(numbers.map((n) => subtle.digest(algorithm, encoder.encode(salt + n))));
    const found = hashes.findIndex((hash) => beginning(hash) === wanted && hex(hash) === challenge);
    if (found >= 0) return numbers[found];
    await new Promise((resume) => setTimeout(resume));
  }
  throw new Error("The captcha has no solution. Try again.");
}

/** @param {Challenge} challenge @param {number} number */
function answerText({ algorithm, challenge, salt, signature }, number) {
  return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
}

/** @param {ArrayBuffer} hash */
function beginning(hash) {
  return new DataView(hash).getUint32(0);
}

/** @param {ArrayBuffer} hash */
function hex(hash) {
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
