/** The page: the live board or a past one, as its address says, with the season's name and the reader's own place. */
import { showSeason } from "./countdown.js";
import { leaveLive, signInLive, startLive } from "./live.js";
import { follow, forget } from "./own.js";
import { markPast, offerPast } from "./picker.js";
import { placeWanted, watchPlace } from "./place.js";
import { askSeasons, watchSeasons } from "./seasons.js";
import { find, showStage } from "./stage.js";

/** @typedef {import("./seasons.js").Season} Season */

// A season ends for everybody at once; not everybody has to ask at once.
const SPREAD_MS = 1_000;

const playTitle = /** @type {HTMLElement} */ (document.querySelector(".play summary"));
const playButton = /** @type {HTMLElement} */ (document.querySelector(".play button"));
let place = placeWanted();
/** @type {string | null} */
let token = null;
/** @type {string | null} */
let userId = null;
/** @type {Season | null} */
let current = null;
// The name outlives an answer that failed to come.
let seasonShown = "";
// Few visits need these.
/** @type {typeof import("./past.js") | null} */
let past = null;
/** @type {typeof import("./play.js") | null} */
let play = null;
/** @type {typeof import("./ending.js") | null} */
let ending = null;

if (new URLSearchParams(location.search).has("wall")) beOnWall();
// Not a click: a link to it and the browser's search open it, too.
playTitle.parentElement?.addEventListener("toggle", openPlay, { once: true });
watchPlace(arrive);
show();
watchSeasons(heed);

function show() {
  const live = place.season === null;
  playTitle.textContent = live ? "Play" : "My place";
  playButton.hidden = !live;
  markPast(place.season);
  if (live) startLive({ token: () => token, onEpoch: askSoon, onUser: welcome, onRefused: refuse });
  else openPast(place);
}

/** @param {import("./place.js").Place} wanted */
async function openPast(wanted) {
  try {
    past ??= await import("./past.js");
  } catch {
    return showStage("lost", "The final board can’t be reached", "Reload the page to try again.");
  }
  const listener = { onLive: goLive, onUser: () => play?.tellPlayer("done"), onRefused: refuse };
  if (place === wanted) past.showPast(place, token, userId, listener);
}

async function openPlay() {
  try {
    play = await import("./play.js");
    play.startPlay({ onToken: signIn });
  } catch {
    find("play-state").textContent = "The server can’t be reached. Reload the page to try again.";
  }
}

/** @param {string} season */
async function tellEnd(season) {
  try {
    ending ??= await import("./ending.js");
    if (place.season === null) ending.tellEnding(season);
  } catch {
    // The season's name tells as well.
  }
}

function askSoon() {
  if (current) setTimeout(askSeasons, Math.random() * SPREAD_MS);
  else askSeasons();
}

/** @param {boolean} byLink */
function arrive(byLink) {
  place = placeWanted();
  leaveLive();
  past?.leavePast();
  ending?.dropEnding();
  seasonShown = place.season === null ? current?.name ?? "" : "";
  if (place.season === null) showSeason(current);
  show();
  if (!byLink) return;
  // The link may be gone, and whoever can't see has to hear where it led.
  find("board-title").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** The season asked for is the current one. */
function goLive() {
  history.replaceState(null, "", "/");
  arrive(false);
}

/** @param {Season[] | null} seasons */
function heed(seasons) {
  current = seasons?.[0] ?? null;
  if (seasons) offerPast(seasons, place.season);
  if (place.season !== null) return;
  showSeason(current);
  if (!current || current.name === seasonShown) return;
  if (seasonShown) tellEnd(seasonShown);
  seasonShown = current.name;
}

/** @param {string | null} given the token as the player has given it; null to be nobody again */
function signIn(given) {
  if (given === token) return;
  token = given;
  userId = null;
  forget();
  if (place.season === null) signInLive(() => token);
  else show();
}

/** @param {string} id of whom the socket knows by the token */
function welcome(id) {
  if (!token) return;
  userId = id;
  follow(id, token);
  play?.tellPlayer("done");
}

/** @param {string} message @param {boolean} [asksAgain] it is not the token's fault */
function refuse(message, asksAgain) {
  if (asksAgain) return play?.tellPlayer("looking", message);
  token = null;
  userId = null;
  forget();
  play?.tellPlayer("refused", message);
  if (place.season !== null) show();
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
