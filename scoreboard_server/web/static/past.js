/**
 * A season's final board: as it was announced, or as corrected since. It stands still.
 *
 * @typedef {import("./final.js").Final} Final
 * @typedef {import("./scoreboard.js").Row} Row
 * @typedef {import("./place.js").Place} Place
 */
import { hideSeason, showEnd } from "./countdown.js";
import { Refused, readFinal } from "./final.js";
import { leaveBoard, pin } from "./own.js";
import { hrefOf } from "./place.js";
import { showRows } from "./rows.js";
import { find, showStage, showState, showTotal } from "./stage.js";

const TITLE = document.title;
let reading = new AbortController();
let begun = "";

/**
 * @param {Place} place @param {string | null} token of who wants to see the own place, too
 * @param {string | null} userId whose it is, when that is known
 * @param {{onLive: () => void, onUser: () => void, onRefused: (message: string) => void}} listener
 *   onLive: that season goes on
 */
export async function showPast(place, token, userId, { onLive, onUser, onRefused }) {
  reading.abort();
  const mine = reading = new AbortController();
  const season = place.season ?? "";
  // Who only signs in keeps looking at the same board.
  if (begun !== location.search) begin(season);
  begun = location.search;
  try {
    const wish = { edition: place.edition, signal: mine.signal, onWait: wait };
    const final = await readFinal(season, { ...wish, token });
    const own = await ownRowOf(final, wish);
    if (mine.signal.aborted) return;
    if (!final.archive) return onLive();
    show(final);
    if (!token) return;
    pin(own, userId, final.leaderboard);
    onUser();
  } catch (error) {
    if (mine.signal.aborted) return;
    if (token && error instanceof Refused && [401, 403].includes(error.status)) return onRefused(error.message);
    fail(season, error);
  }
}

export function leavePast() {
  reading.abort();
  begun = "";
  document.title = TITLE;
  leaveBoard();
  showRows([], true);
  for (const id of ["edition", "to-live"]) find(id).hidden = true;
  digestBox().hidden = true;
}

/** @param {string} season */
function begin(season) {
  document.title = `${season} – ${TITLE}`;
  hideSeason();
  showState("ended", "Ended");
  showTotal(null);
  showStage("loading");
  find("board-title").textContent = `Final board of ${season}`;
  find("to-live").hidden = false;
}

/** @param {Final} final */
function show({ season, leaderboard, totalUsers, archive }) {
  if (!archive) return;
  showEnd(season, archive.sealedAt);
  showTotal(totalUsers);
  showRows(leaderboard, true);
  document.documentElement.style.setProperty("--rows", String(Math.max(10, leaderboard.length)));
  if (leaderboard.length) showStage("rows");
  else showStage("empty", "Nobody had scored", "The season ended without a score.");
  showEdition(season, archive);
  digestBox().hidden = false;
  find("digest").textContent = archive.digest;
}

/** @param {string} season @param {NonNullable<Final["archive"]>} archive */
function showEdition(season, { edition, corrections }) {
  const note = find("edition");
  note.hidden = corrections === 0;
  const [words, link] = /** @type {[HTMLElement, HTMLAnchorElement]} */ (/** @type {unknown} */ ([...note.children]));
  const corrected = edition === "corrected";
  words.textContent = corrected ? "Corrected since it was announced." : "As announced; corrected since.";
  link.textContent = corrected ? "See it as announced" : "See it as corrected";
  link.href = hrefOf(season, corrected ? "announced" : undefined);
}

/** @param {string} words */
function wait(words) {
  showStage("lost", "A moment, please", words);
}

/** @param {string} season @param {unknown} error */
function fail(season, error) {
  if (error instanceof Refused && error.status === 404) {
    showState("closed", "Not found");
    showStage("lost", `There is no season named ${season}`, "Choose one of the past seasons, or see the live board.");
  } else {
    showStage("lost", "The final board can’t be shown", error instanceof Refused ? error.message
      : "The server can’t be reached. Reload the page to try again.");
  }
}

/** @param {Final} final @param {import("./final.js").Wish} wish @returns {Promise<Row | null>} */
async function ownRowOf({ season, leaderboard, userRank }, wish) {
  if (!userRank) return null;
  const shown = leaderboard.find(({ rank }) => rank === userRank.rank);
  if (shown) return shown;
  return (await readFinal(season, { ...wish, limit: 1, offset: userRank.rank - 1 })).leaderboard[0] ?? null;
}

function digestBox() {
  return /** @type {HTMLElement} */ (document.querySelector(".digest"));
}
