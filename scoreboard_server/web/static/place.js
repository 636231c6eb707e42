/**
 * Which board is wanted: the live one, or a season's final one. It stands in the address, so that it can be sent to
 * somebody, and Back leads back.
 *
 * @typedef {{season: string | null, edition: string | null}} Place
 */

/** @returns {Place} */
export function placeWanted() {
  const query = new URLSearchParams(location.search);
  return { season: query.get("season") || null, edition: query.get("edition") };
}

/** @param {string} season @param {string} [edition] */
export function hrefOf(season, edition) {
  return `/?${new URLSearchParams(edition ? { season, edition } : { season })}`;
}

/** @param {(byLink: boolean) => void} arrive called whenever the address has changed */
export function watchPlace(arrive) {
  addEventListener("popstate", () => arrive(false));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[data-view]");
    // Another tab or window is the browser's business.
    const plain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!(link instanceof HTMLAnchorElement) || !plain) return;
    event.preventDefault();
    if (link.href !== location.href) history.pushState(null, "", link.href);
    arrive(true);
  });
}
