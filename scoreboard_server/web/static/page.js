/** The page: the live board or a past one, as its address says, with the season's name and the reader's own place. */
import { showSeason } from "./countdown.js";
import { dropEnding, tellEnding } from "./ending.js";
import { leaveLive, signInLive, startLive } from "./live.js";
import { follow, forget } from "./own.js";
import { leavePast, showPast } from "./past.js";
import { markPast, offerPast } from "./picker.js";
import { placeWanted, watchPlace } from "./place.js";
import { playIn, startPlay, tellPlayer } from "./play.js";
import { askSeasons, watchSeasons } from "./seasons.js";
import { find } from "./stage.js";

/** @typedef {import("./seasons.js").Season} Season */

let place = placeWanted();
/** @type {string | null} */
let token = null;
/** @type {string | null} */
let userId = null;
/** @type {Season | null} */
let current = null;
// The name outlives an answer that failed to come.
let seasonShown = "";

if (new URLSearchParams(location.search).has("wall")) beOnWall();
startPlay({ onToken: signIn });
watchPlace(arrive);
show();
watchSeasons(heed);

function show() {
  playIn(place.season === null);
  markPast(place.season);
  if (place.season === null) startLive({ token: () => token, onEpoch: askSeasons, onUser: welcome, onRefused: refuse });
  else showPast(place, token, userId, { onLive: goLive, onUser: () => tellPlayer("done"), onRefused: refuse });
}

/** @param {boolean} byLink */
function arrive(byLink) {
  place = placeWanted();
  leaveLive();
  leavePast();
  dropEnding();
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
  if (seasonShown) tellEnding(seasonShown);
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
  tellPlayer("done");
}

/** @param {string} message */
function refuse(message) {
  token = null;
  userId = null;
  forget();
  tellPlayer("refused", message);
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
