// The frame: which page, what is fetched when, the top bar, what is said when the server is gone.

import { stamp } from "./clock.js";
import { h, show } from "./dom.js";
import { language, say, setLanguage, t } from "./i18n.js";
import { page as home } from "./home.js";
import { get, link, listen, onChange, onLink } from "./net.js";
import { ago, icon, learn, problemText, tick } from "./parts.js";

const ROUTES = [
  [/^\/$/, async () => home],
  [/^\/devices$/, async () => (await import("./lists.js")).devices],
  [/^\/devices\/([^/]+)$/, async () => (await import("./device.js")).device],
  [/^\/sites$/, async () => (await import("./lists.js")).sites],
  [/^\/sites\/([^/]+)$/, async () => (await import("./device.js")).site],
  [/^\/alarms$/, async () => (await import("./alarms.js")).page],
  [/^\/maintenance$/, async () => (await import("./maintenance.js")).page],
  [/^\/warning$/, async () => (await import("./warning.js")).page],
  [/^\/analysis$/, async () => (await import("./analysis.js")).page],
  [/^\/keys$/, async () => (await import("./keys.js")).page],
];
const TABS = [["/", "home"], ["/warning", "warning"], ["/alarms", "alarms"], ["/devices", "devices"],
  ["/sites", "sites"]];
const GATHER_MS = 1000;

const main = document.getElementById("main");
let summary = null;
let page = null;
let context = null;
let data = null;
let visit = 0;
let address = null;

async function find(path) {
  for (const [pattern, load] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return [await load(), match[1] && decodeURIComponent(match[1])];
  }
  return [null, null];
}

// Fetches what the present address shows; a newer visit makes an older one's answer void.
async function open(fresh) {
  const mine = ++visit;
  address = location.pathname + location.search;
  const params = new URLSearchParams(location.search);
  const [found, id] = await find(location.pathname);
  if (mine !== visit) return;
  if (fresh) main.ariaBusy = "true";
  if (fresh && found !== page) show(main, h("p", { class: "muted" }, t("loading")));
  page = found;
  context = { id, params };
  if (!page) {
    show(main, h("p", { class: "card" }, t("not_found")));
    main.ariaBusy = "false";
    return;
  }
  link.saved = false;
  try {
    const head = get("/api/v1/summary");
    head.catch(() => null);
    if (!summary || page === home) {
      summary = await head.catch((error) => { if (!summary) throw error; return summary; });
      learn(summary);
    } else head.then((got) => { summary = got; learn(got); frame(); }).catch(() => null);
    const got = await page.load(context, page === home ? summary : null);
    if (mine !== visit) return;
    data = got;
    draw();
    if (fresh && visit > 1) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
  } catch (error) {
    if (mine !== visit) return;
    data = null;
    show(main, h("p", { class: "card notice" }, problemText(error), " ",
      link.live === false && t("no_copy")));
  }
  main.ariaBusy = "false";
  frame();
  banner();
}

function again(only) {
  if (only === true) draw();
  else open(false);
}

function draw() {
  if (!page || !data) return;
  show(main, page.view(data, again, context));
  document.title = `${page.title(data)} · 望楼`;
}

export function go(url, replace) {
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  open(!replace);
}

function frame() {
  const county = summary ? say(summary.name) : "";
  const flip = () => { setLanguage(language() === "zh" ? "en" : "zh"); frame(); draw(); };
  show(document.getElementById("top"),
    summary?.drill && h("p", { class: "drill" }, `${t("drill")} ${summary.tree}`),
    h("div", { class: "bar" },
      h("a", { class: "brand", href: "/" }, "望楼", county && h("span", null, county)),
      h("span", { class: link.live === false ? "fresh lost" : "fresh", id: "fresh" },
        icon(link.live ? "ok" : "unknown"),
        summary?.as_of_ms ? h("span", null, `${t("data")} `, ago(summary.as_of_ms)) : ""),
      h("button", { type: "button", id: "lang", onclick: flip,
        lang: language() === "zh" ? "en" : "zh-CN" }, language() === "zh" ? "EN" : "中文"),
      h("a", { href: "/keys", class: "button", id: "keys" }, t("keys"))),
    h("nav", { class: "tabs-bar", "aria-label": t("home") }, TABS.map(([path, name]) =>
      h("a", { href: path, "aria-current": active(path) ? "page" : null },
        h("span", null, t(name)),
        name === "alarms" && summary?.alarms_unacked > 0
          && h("span", { class: "count" }, summary.alarms_unacked),
        name === "warning" && summary?.warning && h("span", { class: "count" }, "!")))));
  show(document.getElementById("foot"),
    h("p", null, h("a", { href: `/text?lang=${language()}`, "data-plain": "" }, t("text_page")),
      " · ", h("a", { href: "/analysis" }, t("analysis")),
      " · ", h("a", { href: "/api/v1/openapi.json", "data-plain": "" }, t("interface")),
      summary && ` · ${t("rules_version")} ${summary.rules.in_force}`));
}

const active = (path) =>
  path === "/" ? location.pathname === "/" : location.pathname.startsWith(path);

function banner() {
  document.body.classList.toggle("stale", link.live === false);
  show(document.getElementById("banners"), link.live === false
    && h("p", { class: "lost" }, icon("unknown"), h("span", null,
      h("strong", null, t("lost")), ` · ${t("last_state")} ${stamp(link.asOf)} `,
      link.asOf ? ["(", ago(link.asOf), ")"] : "")));
}

document.addEventListener("click", (event) => {
  const to = event.target.closest?.("a[href]");
  if (!to || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey
      || event.shiftKey || to.hasAttribute("download") || to.hasAttribute("data-plain")) return;
  const url = new URL(to.getAttribute("href"), location.href);
  if (url.origin !== location.origin || url.hash || url.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
addEventListener("wanglou:go", (event) => go(event.detail.url, event.detail.replace));
addEventListener("popstate", () => {
  if (address !== location.pathname + location.search) open(true); // a mere #main is no visit
});

let due = null;
onChange(() => { due ??= setTimeout(() => { due = null; open(false); }, GATHER_MS); });
onLink(() => { banner(); frame(); });
setInterval(() => { if (!document.hidden) { tick(); } }, 1000);

frame();
open(true);
listen();

if ("serviceWorker" in navigator && isSecureContext) {
  const had = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.register("/sw.js").catch(() => null);
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (had) {
      show(document.getElementById("toasts"), h("button", { type: "button", class: "toast",
        onclick: () => location.reload() }, t("new_version")));
    }
  });
}
