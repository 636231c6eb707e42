/**
 * The live board page: what the client module tells, shown.
 *
 * @typedef {import("./scoreboard.js").Board} Board
 * @typedef {import("./scoreboard.js").Status} Status
 */
import { connect } from "./scoreboard.js";
import { numbers } from "./row.js";
import { showRows } from "./rows.js";
import { startAgeing, showFreshness } from "./freshness.js";
import { follow, followBoard, followScore, forget, lookAgain, ownRow } from "./own.js";
import { startPlay, tellPlayer } from "./play.js";

const NEWS_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 10_000;
const STATE_WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", closed: "Disconnected" };

/** @type {Board | null} */
let shown = null;
/** @type {string | null} */
let token = null;
let leaderTold = "";
/** @type {number | undefined} */
let placeTold;
let newsTimer = 0;

startPlay({ onToken: signIn });
if (new URLSearchParams(location.search).has("wall")) beOnWall();
const client = connect({
  token: () => token,
  onBoard: showBoard,
  onScore: followScore,
  onState: (status) => {
    if (status.userId) welcome(status.userId);
    else if (status.code) refuse(status.message ?? status.code);
    else showState(status.state);
  },
});
setInterval(() => { if (isLive() && !document.hidden) lookAgain(); }, LOOK_EVERY_MS);
addEventListener("online", showConnection);
addEventListener("offline", showConnection);

/** @param {string} id */
function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

function isLive() {
  return find("state").dataset.state === "live";
}

/** @param {Board} board */
function showBoard(board) {
  const last = shown;
  shown = board;
  document.documentElement.style.setProperty("--rows", String(Math.max(10, board.rows.length)));
  showPlaceholder("live");
  showRows(board.rows, last === null);
  followBoard(board);
  showTotal(board.totalUsers);
  startAgeing(board.epoch !== last?.epoch ? board.epoch : null);
  newsTimer ||= window.setTimeout(tellNews, NEWS_EVERY_MS);
}

/** @param {Status["state"]} state */
function showState(state) {
  find("state").dataset.state = state;
  showConnection();
  showFreshness(state === "live");
  showPlaceholder(state);
}

function showConnection() {
  const pill = find("state");
  const state = /** @type {Status["state"]} */ (pill.dataset.state);
  const words = state === "reconnecting" && !navigator.onLine ? "Offline" : STATE_WORDS[state];
  // A status that says the same word again would be read out again.
  if (pill.textContent !== words) pill.textContent = words;
}

/** @param {number} total */
function showTotal(total) {
  find("total").textContent = numbers.format(total);
  find("total-unit").textContent = total === 1 ? "player" : "players";
  find("summary").hidden = false;
}

/** @param {Status["state"]} state */
function showPlaceholder(state) {
  const words = wordsWithoutRows(state);
  const fetching = !shown && (state === "connecting" || state === "live");
  find("board").hidden = !shown?.rows.length;
  find("skeleton").hidden = !fetching;
  find("placeholder").hidden = words === null;
  if (!words) return;
  find("placeholder").dataset.kind = shown ? "empty" : "lost";
  const [title, detail] = find("placeholder").querySelectorAll("p");
  title.textContent = words[0];
  detail.textContent = words[1];
}

/** @param {Status["state"]} state */
function wordsWithoutRows(state) {
  if (shown?.rows.length) return null;
  if (shown) return ["No scores yet", "The first player to score takes the lead."];
  if (state === "connecting" || state === "live") return null;
  return ["The board can’t be reached", "Trying again; there is no need to reload."];
}

/** What is heard rather than seen: never more than a sentence or two every few seconds. */
function tellNews() {
  newsTimer = 0;
  const sentences = [leaderNews(), placeNews()].filter(Boolean);
  if (sentences.length) find("news").textContent = sentences.join(" ");
}

function leaderNews() {
  const leader = shown?.rows[0];
  if (!leader || leader.userId === leaderTold) return "";
  leaderTold = leader.userId;
  return `${leader.username || leader.userId} leads with ${numbers.format(leader.score)} points.`;
}

function placeNews() {
  const place = ownRow()?.rank;
  if (place === placeTold) return "";
  placeTold = place;
  return place ? `You are in place ${numbers.format(place)}.` : "";
}

/** @param {string | null} given the token as the player has given it; null to be nobody again */
function signIn(given) {
  if (given === token) return;
  token = given;
  forget();
  client.auth(() => token);
}

/** @param {string} userId */
function welcome(userId) {
  if (!token) return;
  follow(userId, token);
  tellPlayer("done");
}

/** @param {string} message */
function refuse(message) {
  token = null;
  forget();
  tellPlayer("refused", message);
}

/** A wall has no hands and no reader, and must not fall asleep. */
function beOnWall() {
  document.documentElement.classList.add("wall");
  const stayAwake = () => {
    if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", stayAwake);
  stayAwake();
}
