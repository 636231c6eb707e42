import { answerCaptcha } from "./captcha.js";

/** @typedef {{newScore: number, leaderboardPosition: number | null, code?: string, message: string}} Answer */

const ACTION_TYPE = "task.completed";
const CAPTCHA_CODES = ["captcha_required", "captcha_failed"];
// A solved captcha can be too late once, on a slow machine; not again and again.
const CAPTCHAS = 2;

const numbers = new Intl.NumberFormat(document.documentElement.lang);
const form = /** @type {HTMLFormElement} */ (document.getElementById("play-form"));
const token = /** @type {HTMLInputElement} */ (document.getElementById("play-token"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const words = /** @type {HTMLElement} */ (document.getElementById("play-state"));

// Kept until there is an answer that is final: trying again with the same id counts nothing twice.
/** @type {string | null} */
let actionId = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!button.disabled) complete();
});

async function complete() {
  button.disabled = true;
  say("working", "Sending…");
  try {
    const { status, answer } = await claim();
    if (status !== 429 && status < 500) actionId = null;
    say(status === 200 ? "done" : "refused", status === 200 ? counted(answer) : answer.message);
  } catch (error) {
    // Ours are plain Errors in words for people; the browser's have names of their own.
    say("refused", error.name === "Error" ? error.message : "The server can’t be reached. Try again.");
  } finally {
    button.disabled = false;
  }
}

async function claim() {
  let result = await post();
  for (let i = 0; i < CAPTCHAS && CAPTCHA_CODES.includes(result.answer.code ?? ""); i++) {
    say("working", "Solving a captcha; this takes a moment…");
    const captcha = await answerCaptcha();
    say("working", "Captcha solved. Sending…");
    result = await post(captcha);
  }
  return result;
}

/** @param {string} [captcha] @returns {Promise<{status: number, answer: Answer}>} */
async function post(captcha) {
  actionId ??= newId();
  const response = await fetch("/api/scores/update", {
    method: "POST",
    headers: { "Authorization": `Bearer ${token.value.trim()}`, "Content-Type": "application/json" },
    body: JSON.stringify({ actionId, actionType: ACTION_TYPE, captcha }),
  });
  return { status: response.status, answer: await response.json() };
}

/** @param {Answer} answer */
function counted({ message, newScore, leaderboardPosition }) {
  const place = leaderboardPosition === null ? "" : `, place ${numbers.format(leaderboardPosition)}`;
  return `${message}: your score is ${numbers.format(newScore)}${place}.`;
}

function newId() {
  // Not randomUUID, which insecure pages lack.
  return `page-${Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("")}`;
}

/** @param {"working" | "done" | "refused"} state @param {string} text */
function say(state, text) {
  words.dataset.state = state;
  words.textContent = text;
}
