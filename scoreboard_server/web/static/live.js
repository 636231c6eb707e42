/**
 * The live board: what the client module tells, shown.
 *
 * @typedef {import("./scoreboard.js").Board} Board
 * @typedef {import("./scoreboard.js").Status} Status
 * @typedef {{token: () => string | null, onEpoch: () => void, onUser: (userId: string) => void,
 *   onRefused: (message: string, asksAgain: boolean) => void}} Listener
 */
import { connect } from "./scoreboard.js";
import { numbers } from "./row.js";
import { showRows } from "./rows.js";
import { startAgeing, showFreshness, stopAgeing } from "./freshness.js";
import { followBoard, followScore, leaveBoard, lookAgain, ownRow } from "./own.js";
import { find, say, showStage, showState, showTotal } from "./stage.js";

const NEWS_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 10_000;
const STATE_WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", closed: "Disconnected" };

/** @type {ReturnType<typeof connect> | null} */
let client = null;
// Not the client, which tells its state before it is there.
let watching = false;
/** @type {Status["state"]} */
let state = "connecting";
/** @type {Board | null} */
let shown = null;
let leaderTold = "";
/** @type {number | undefined} */
let placeTold;
let newsTimer = 0;

setInterval(() => { if (watching && state === "live" && !document.hidden) lookAgain(); }, LOOK_EVERY_MS);
addEventListener("online", showConnection);
addEventListener("offline", showConnection);

/** @param {Listener} listener */
export function startLive({ token, onEpoch, onUser, onRefused }) {
  find("board-title").textContent = "Top players";
  showTotal(null);
  watching = true;
  client = connect({
    token,
    onBoard: (board) => {
      const isNew = board.epoch !== shown?.epoch;
      showBoard(board);
      if (isNew) onEpoch();
    },
    onScore: followScore,
    onState: (status) => {
      if (status.userId) onUser(status.userId);
      else if (status.code) onRefused(status.message ?? status.code, status.retryInMs !== undefined);
      else turn(status);
    },
  });
}

/** The token may be another one now. @param {Listener["token"]} token */
export function signInLive(token) {
  client?.auth(token);
}

export function leaveLive() {
  if (!watching) return;
  watching = false;
  client?.close();
  client = null;
  clearTimeout(newsTimer);
  newsTimer = 0;
  shown = null;
  leaderTold = "";
  placeTold = undefined;
  stopAgeing();
  showRows([], true);
  leaveBoard();
}

/** @param {Board} board */
function showBoard(board) {
  const last = shown;
  shown = board;
  document.documentElement.style.setProperty("--rows", String(Math.max(10, board.rows.length)));
  showRowsOrWords();
  showRows(board.rows, last === null);
  followBoard(board);
  showTotal(board.totalUsers);
  startAgeing(board.epoch !== last?.epoch ? board.epoch : null);
  newsTimer ||= window.setTimeout(tellNews, NEWS_EVERY_MS);
}

/** @param {Status} status */
function turn(status) {
  if (!watching) return;
  state = status.state;
  showConnection();
  showFreshness(state === "live", status.heardAt);
  showRowsOrWords();
}

function showConnection() {
  if (watching) showState(state, state === "reconnecting" && !navigator.onLine ? "Offline" : STATE_WORDS[state]);
}

function showRowsOrWords() {
  if (shown?.rows.length) showStage("rows");
  else if (shown) showStage("empty", "No scores yet", "The first player to score takes the lead.");
  else if (state === "connecting" || state === "live") showStage("loading");
  else showStage("lost", "The board can’t be reached", "Trying again; there is no need to reload.");
}

/** Never more than a sentence or two every few seconds. */
function tellNews() {
  newsTimer = 0;
  const sentences = [leaderNews(), placeNews()].filter(Boolean);
  if (sentences.length) say(sentences.join(" "));
}

function leaderNews() {
  const leader = shown?.rows[0];
  if (!leader) leaderTold = ""; // whoever leads next has taken the lead anew
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
