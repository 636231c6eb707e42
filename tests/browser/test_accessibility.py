"""For everyone: axe finds nothing, keys reach everything, ears hear what matters, and motion can be off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ..conftest import Api, StartServer, not_here, token
from ..end_to_end.watchers import NODE
from .browsing import IN_BROWSER, page_at
from .pages import LIVE, LOOKS, SCHEMES, SIZES, act, played, show_place
from .seasons import StartSeason

pytestmark = IN_BROWSER

AXE = NODE / "node_modules" / "axe-core" / "axe.min.js"

# Everything that axe knows, not the legal minimum; colours are looked at when nothing moves any more. The
# light behind a row that has just moved is invisible then, but axe would not look through it.
_RUN = """async () => {
    const still = new CSSStyleSheet();
    still.replaceSync(".row::after { content: none }");
    document.adoptedStyleSheets = [still];
    await Promise.all(document.getAnimations().map((a) => a.effect.getTiming().iterations === Infinity
        ? a.cancel() : a.finish()));
    const { violations, incomplete } = await axe.run();
    return [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html)}`);
}"""


async def check(page: Page) -> None:
    """What axe finds."""
    if not AXE.exists():
        not_here("the accessibility checks (run: npm install --prefix tests/node)")
    if not await page.evaluate("'axe' in window"):
        await page.add_script_tag(path=AXE)
    assert await page.evaluate(_RUN) == []


async def _live(page: Page) -> None:
    await page.wait_for_selector("#board .row")


async def _playing(page: Page) -> None:
    await page.wait_for_selector(LIVE)
    await show_place(page, token("p12", name="P12"))
    await page.wait_for_selector("#own .row")


async def _leading(page: Page) -> None:
    await page.wait_for_selector(LIVE)
    await show_place(page, token("p01", name="P01"))
    await page.wait_for_selector("#board [data-own]")


async def _refused(page: Page) -> None:
    await page.wait_for_selector(LIVE)
    await show_place(page, "x.y.z")
    await page.wait_for_selector("#play-state[data-state=refused]")


STATES: dict[str, Callable[[Page], Awaitable[None]]] = {
    "live": _live,
    "playing": _playing,
    "leading": _leading,
    "refused": _refused,
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
async def test_axe_finds_nothing(start_server: StartServer, scheme: Any, size: str) -> None:
    """In each state with a board, at each size, in light and dark: no violation, nothing left in doubt."""
    api = await played(start_server)
    context: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}
    async with page_at(api.server.address, **context) as page:
        for state, reach in STATES.items():
            await page.goto(api.server.address + ("/?wall" if (state, size) == ("live", "wall") else "/"))
            await reach(page)
            if state == "live":
                await act(api, "p05", 3)
                await page.wait_for_selector("#board .move:not([hidden])")
            await check(page)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_nothing_without_a_board(start_server: StartServer, scheme: Any) -> None:
    """Loading, empty, not reached, and out of date."""
    address = Api(await start_server()).server.address
    context: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True}
    async with page_at(address, **context) as page:
        await page.wait_for_selector("#placeholder:not([hidden])")
        await check(page)
    async with page_at("about:blank", **context) as page:
        await page.route_web_socket("**/ws", lambda _: None)
        await page.goto(address)
        await page.wait_for_selector("#skeleton:not([hidden])")
        await check(page)
    async with page_at("about:blank", **context) as page:
        await page.route_web_socket("**/ws", lambda route: route.close())
        await page.goto(address)
        await page.wait_for_selector("[data-kind=lost]")
        await check(page)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_nothing_out_of_date(start_server: StartServer, scheme: Any) -> None:
    """Grey, and readable all the same."""
    api = await played(start_server)
    async with page_at("about:blank", color_scheme=scheme, bypass_csp=True) as page:
        sockets: list[Any] = []

        async def once(route: Any) -> None:
            if sockets:
                await route.close()
            else:
                sockets.append(route.connect_to_server() and route)

        await page.route_web_socket("**/ws", once)
        await page.goto(api.server.address)
        await page.wait_for_selector("#board .row")
        await sockets[0].close()
        await page.wait_for_selector("body.stale")
        await page.wait_for_timeout(1200)  # the colours follow a moment later
        await check(page)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
async def test_axe_finds_nothing_in_the_description(
    start_server: StartServer, size: str, scheme: Any
) -> None:
    """Both interfaces on one long page."""
    server = await start_server()
    async with page_at(
        f"{server.address}/docs", color_scheme=scheme, viewport=SIZES[size], bypass_csp=True
    ) as page:
        await page.wait_for_selector("#close-codes")
        await check(page)


async def test_keys_reach_everything_in_order(start_server: StartServer) -> None:
    """Tab goes through the page as it is read, each stop is plainly marked, and keys show one's place."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        focused = "document.activeElement.id || document.activeElement.localName"
        stops = []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#play-form fieldset:enabled")
        for _ in range(4):
            stops.append(await page.evaluate(focused))
            ring = await page.evaluate("getComputedStyle(document.activeElement).outline")
            assert ring.endswith("solid 2px"), ring
            await page.keyboard.press("Tab")
        assert stops == ["summary", "play-token", "button", "play-place"]
        await page.focus("#play-token")
        await page.keyboard.insert_text(token("p12", name="P12"))
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.wait_for_selector("#own .row")


async def test_ears_hear_who_leads_and_the_own_place(start_server: StartServer) -> None:
    """One polite region tells both in words, seldom; the table itself is no live region."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, token("p12", name="P12"))
        await page.wait_for_function(
            "() => document.querySelector('#news').textContent.includes('P01 leads with 120')"
        )
        await act(api, "p12", 20)
        await page.wait_for_function(
            "(news) => document.querySelector('#news').textContent === news",
            arg="P12 leads with 210 points. You are in place 1.",
        )
        assert await page.get_attribute("#news", "aria-live") == "polite"
        assert (
            await page.evaluate("document.querySelectorAll('#board [aria-live], #board[aria-live]').length")
            == 0
        )


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_motion_is_as_the_reader_wants_it(start_server: StartServer, motion: Any) -> None:
    """Reduced, rows and scores are where they belong at once; else they glide and count."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.emulate_media(reduced_motion=motion)
        await page.wait_for_selector("#board .row")
        await page.evaluate(
            """() => {
                window.seen = { glides: 0, scores: new Set() };
                const look = () => {
                    const moving = document.getAnimations().filter((a) => a.effect.getKeyframes()
                        .some((frame) => "transform" in frame));
                    seen.glides = Math.max(seen.glides, moving.length);
                    seen.scores.add(document.querySelector("[data-user-id=p08] .score").textContent);
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )
        await act(api, "p08", 1)  # as many as p07, who was first
        await page.wait_for_function(
            "() => document.querySelector('[data-user-id=p08] .score').textContent === '60'"
        )
        await act(api, "p08", 1)
        await page.wait_for_function(
            "() => document.querySelector('#board').children[6].dataset.userId === 'p08'"
        )
        await page.wait_for_function(
            "() => document.querySelector('[data-user-id=p08] .score').textContent === '70'"
        )
        await page.wait_for_timeout(300)
        glides, scores = await page.evaluate("[seen.glides, [...seen.scores]]")
        if motion == "reduce":
            assert glides == 0 and set(scores) <= {"50", "60", "70"}, "something was on its way"
        else:
            assert glides > 0
            assert len(scores) > 3


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
async def test_axe_finds_nothing_about_seasons(start_season: StartSeason, size: str, scheme: Any) -> None:
    """A countdown, a season just ended, a final board corrected and announced, and one that never was."""
    keeper = await start_season()
    address = keeper.api.server.address
    await keeper.ends_in(1000)
    context: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}
    async with page_at(address, tolerated="Failed to load resource", **context) as page:
        await page.wait_for_selector("#season time")
        await check_whole(page)
        await keeper.reset()
        await page.wait_for_selector("#ended bdi:not(:empty)")
        await check_whole(page)
        await page.click("text=Past seasons")
        await check_whole(page)
        await keeper.adjust("p01", -50, "season-1")
        await page.click("#ended a")
        await page.wait_for_selector("#edition:not([hidden])")
        await page.click("text=Digest")
        await check_whole(page)
        await page.click("text=My place")
        await page.fill("#play-token", token("p12", name="P12"))
        await page.click("text=Show my place")
        await page.wait_for_selector("#own .row")
        await check_whole(page)
        await page.click("#edition a")
        await expect(page.locator("#edition")).to_contain_text("As announced")
        await check_whole(page)
        await page.goto(f"{address}/?season=nope")
        await page.wait_for_selector("[data-kind=lost]")
        await check_whole(page)


async def check_whole(page: Page) -> None:
    """As `check`, with nothing stuck over a row, through which axe can't look."""
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await check(page)
