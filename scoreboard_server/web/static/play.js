/** Playing on the page, for who opens that. */
import { answerCaptcha } from "./captcha.js";

/** @typedef {{newScore: number, leaderboardPosition: number | null, code?: string, message: string}} Answer */

const ACTION_TYPE = "task.completed";
const CAPTCHA_CODES = ["captcha_required", "captcha_failed"];
// A solved captcha can be too late once, on a slow machine; not again and again.
const CAPTCHAS = 2;

const numbers = new Intl.NumberFormat(document.documentElement.lang);
const form = /** @type {HTMLFormElement} */ (document.getElementById("play-form"));
const token = /** @type {HTMLInputElement} */ (document.getElementById("play-token"));
const [button, placeButton] = form.querySelectorAll("button");
const words = /** @type {HTMLElement} */ (document.getElementById("play-state"));

// Kept until there is an answer that is final: trying again with the same id counts nothing twice.
/** @type {string | null} */
let actionId = null;

/** @type {(token: string | null) => void} */
let tellToken = () => {};

/** @param {{onToken: (token: string | null) => void}} listener told a token to watch with, null when there is none */
export function startPlay({ onToken }) {
  tellToken = onToken;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // A season that has ended can be looked at, not played.
    if (button.hidden) showOrForget();
    else if (!button.disabled) complete();
  });
  placeButton.addEventListener("click", showOrForget);
  /** @type {HTMLFieldSetElement} */ (form.firstElementChild).disabled = false;
}

/** The socket's word on the token. @param {"done" | "refused" | "looking"} state @param {string} [text] */
export function tellPlayer(state, text) {
  offerPlace(state === "refused");
  if (text) say(state, text);
  else if (words.dataset.state === "looking") say("done", "Your place is shown with the board.");
}

/** @param {boolean} offered */
function offerPlace(offered) {
  placeButton.textContent = offered ? "Show my place" : "Forget my token";
}

function showOrForget() {
  if (placeButton.textContent === "Forget my token") return forgetToken();
  if (!form.reportValidity()) return;
  say("looking", "Looking…");
  tellToken(token.value.trim());
}

function forgetToken() {
  token.value = "";
  offerPlace(true);
  say("done", "Forgotten.");
  tellToken(null);
  token.focus();
}

async function complete() {
  button.disabled = true;
  say("working", "Sending…");
  try {
    const { status, answer } = await claim();
    if (status !== 429 && status < 500) actionId = null;
    if (status === 200) tellToken(token.value.trim());
    say(status === 200 ? "done" : "refused", status === 200 ? counted(answer) : answer.message);
  } catch (error) {
    // Ours are plain Errors in words for people; the browser's have names of their own.
    const ours = error instanceof Error && error.name === "Error";
    say("refused", ours ? error.message : "The server can’t be reached. Try again.");
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

/** @param {"working" | "looking" | "done" | "refused"} state @param {string} text */
function say(state, text) {
  words.dataset.state = state;
  words.textContent = text;
}
