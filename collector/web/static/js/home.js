// Home: the four counts, the open warning, the matrix, the map, the sources.

import { gradeTag, outlookCard } from "./ahead.js";
import { h, svg } from "./dom.js";
import { say, t } from "./i18n.js";
import { get } from "./net.js";
import {
  APART, STATES, ago, attestedText, badge, card, deviceLink, icon, judgedNow, networkState,
  operatorName, tag, trialText,
} from "./parts.js";

const EFFECT = [["devices", "devices"], ["sites", "sites"], ["operators", "operator"],
  ["systems", "systems"]];
let spots = null;

export const page = {
  title: () => t("home"),
  async load(_, summary) {
    spots ??= await get("/api/v1/spots").catch(() => null);
    return summary ?? get("/api/v1/summary");
  },
  view(home) {
    return [
      warningBanner(home),
      counts(home),
      outlookCard(home, null),
      h("div", { class: "two" },
        h("div", null, causes(home), matrix(home), systems(home)),
        h("div", null, map(home), sources(home))),
      home.remarks.length > 0 && card(t("remarks"),
        h("ul", null, home.remarks.map((one) => h("li", null, say(one))))),
    ];
  },
};

export function warningBanner(home) {
  const warning = home.warning;
  if (!warning) return h("p", { class: "calm" }, icon("ok"), " ", t("no_warning"));
  const { draft } = warning;
  return h("a", { class: "warning", href: "/warning" },
    icon("down"),
    h("span", null,
      h("strong", null, `${t("warning")} · ${say(warning.state_name)}`),
      h("span", { class: "big" },
        warning.scenario === "none" ? "" : say(warning.scenario_name), " ",
        warning.level === "none" ? "" : say(warning.level_name)),
      h("span", { class: "line" }, judgedNow(warning, draft),
        gradeTag(draft, home.outlook),
        draft.pending && tag(t("pending")), " ", ago(warning.since_ms))),
    h("span", { class: "go", "aria-hidden": "true" }, "›"));
}

function counts(home) {
  const tile = (state) =>
    h("li", null, h("a", { class: `tile s-${state}`, href: `/devices?state=${state}` },
      h("span", { class: "name" }, icon(state), t(state)),
      h("span", { class: "number" }, home.devices[state]),
      h("span", { class: "under" }, `${t("sites")} ${home.sites[state]}`)));
  const apart = APART.filter((state) => home.devices[state]).map((state) =>
    h("a", { href: `/devices?state=${state}` }, icon(state), `${t(state)} ${home.devices[state]}`));
  const more = [
    ...apart,
    home.at_risk > 0 && h("a", { href: "/sites?at_risk=true&sort=dark" }, `${t("at_risk")} ${home.at_risk}`),
    home.hidden > 0 && h("span", null, `${t("hidden")} ${home.hidden}`),
    home.maintained > 0 && h("a", { href: "/maintenance" }, `${t("maintained")} ${home.maintained}`),
    home.shelved > 0
      && h("a", { href: "/alarms?show=shelved" }, `${t("shelved")} ${home.shelved}`),
  ].filter(Boolean);
  return h("section", { class: "counts", "aria-label": t("devices") },
    h("ul", { class: "tiles" }, STATES.map(tile)),
    more.length > 0 && h("p", { class: "apart" }, more));
}

// By cause, for dispatch, and by effect: one fault may dim three operators.
function causes({ causes: found }) {
  if (!found.faults) return null;
  const effect = EFFECT.filter(([word]) => found[word]).map(([word, name]) => `${t(name)} ${found[word]}`);
  return card(t("by_cause"),
    h("p", { class: "line" }, icon("down"), h("strong", null, `${t("faults")} ${found.faults}`),
      h("span", { "aria-hidden": "true" }, "→"), h("span", null, effect.join(" · "))),
    h("ul", { class: "plain" }, found.first.map((one) => h("li", { "data-key": one.device },
      deviceLink(one.device, one.name), " ", one.hides > 0 && tag(`${t("hides")} ${one.hides}`),
      h("span", { class: "muted" }, ` ${one.town_name} · ${operatorName(one.operator)} · `,
        ago(one.since_ms))))),
    found.faults > found.first.length
      && h("p", null, h("a", { href: "/devices?state=down" }, t("see_all"))));
}

function matrix(home) {
  const cells = new Map(home.cells.map((one) => [`${one.town} ${one.operator}`, one]));
  const cell = (town, operator) => {
    const one = cells.get(`${town.code} ${operator.id}`);
    if (!one) return h("td", { class: "empty" }, "–");
    const bad = one.down + one.alarm + one.unknown;
    const label = `${town.name} ${say(operator.name)} ${t(one.state)} ${bad}/${one.sites}`;
    return h("td", { class: `cell s-${one.state}` },
      h("a", { href: `/sites?town=${town.code}&operator=${operator.id}`, "aria-label": label },
        icon(one.state), h("span", null, bad ? `${bad}/${one.sites}` : one.sites)));
  };
  return card(t("matrix"), h("p", { class: "muted" }, t("matrix_says")),
    h("div", { class: "scroll" }, h("table", { class: "matrix" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, t("town")),
        home.operators.map((one) => h("th", { scope: "col" }, say(one.name), " ",
          h("br"), networkState(one))))),
      h("tbody", null, home.towns.map((town) => h("tr", { "data-key": town.code },
        h("th", { scope: "row" }, h("a", { href: `/sites?town=${town.code}` }, town.name)),
        home.operators.map((one) => cell(town, one))))))));
}

function systems(home) {
  if (!home.systems.length) return null;
  return card(t("systems"), h("ul", { class: "plain" }, home.systems.map((one) =>
    h("li", { "data-key": one.id }, networkState(one), " ", one.name, " ",
      one.attested ? h("span", { class: "muted" }, attestedText(one.attested))
        : one.impact !== "none" && one.since_ms ? ago(one.since_ms) : ""))));
}

function sources(home) {
  return card(t("sources"), h("ul", { class: "plain" }, home.operators.map((one) =>
    h("li", { "data-key": one.id },
      badge(!one.connected ? "not_connected" : one.silent_since_ms ? "unknown" : "ok"), " ",
      say(one.name), " ", one.trial && tag(t("trial")), " ",
      one.trial && h("span", { class: "muted trial" }, trialText(one), " "),
      one.silent_since_ms
        ? h("strong", null, `${t("silent")} `, ago(one.silent_since_ms))
        : one.connected ? ago(one.seen_ms) : ""))));
}

// One path per state keeps thousands of sites cheap.
function map(home) {
  const marks = new Map(["ok", "not_connected", "not_commissioned", "unknown", "alarm", "down"]
    .map((state) => [state, []]));
  spots?.id.forEach((id, n) => {
    const state = home.not_ok[id] ?? "ok";
    marks.get(state)?.push(placed(state, spots.x[n], spots.y[n]));
  });
  const xs = [...home.towns.map((one) => one.x), ...(spots?.x ?? [])];
  const ys = [...home.towns.map((one) => one.y), ...(spots?.y ?? [])];
  const box = [Math.min(...xs) - 40, Math.min(...ys) - 50];
  const size = [Math.max(...xs) + 40 - box[0], Math.max(...ys) + 40 - box[1]];
  const label = `${t("map")}: ${home.towns.filter((one) => one.state !== "ok")
    .map((one) => `${one.name} ${t(one.state)}`).join(", ") || t("ok")}`;
  return card(t("map"), h("p", { class: "muted" }, t("schematic")),
    svg("svg", { class: "map", viewBox: [...box, ...size].join(" "), role: "img",
      "aria-label": label },
    svg("defs", null, svg("pattern", { id: "hatch", width: 8, height: 8,
      patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-back", width: 8, height: 8 }),
    svg("rect", { class: "hatch-line", width: 4, height: 8 }))),
    home.towns.map((town) =>
      svg("a", { href: `/sites?town=${town.code}`, "data-key": town.code, tabindex: "-1" },
        svg("circle", { class: `town s-${town.state}`, cx: town.x, cy: town.y, r: 46 }))),
    [...marks].map(([state, places]) => places.length > 0
      && svg("path", { class: `dots s-${state}`, "fill-rule": "evenodd", "data-key": `dots-${state}`,
        d: places.join("") })),
    home.towns.map((town) =>
      svg("text", { class: "town-name", x: town.x, y: town.y - 50, "data-key": `name-${town.code}` },
        town.name))),
    h("p", { class: "legend" }, STATES.map((state) =>
      h("span", null, icon(state), t(state)))));
}

// A state's shape at a place: small for what is well, larger for the rest.
const CORNERS = {
  down: [[-5, -5], [5, -5], [5, 5], [-5, 5]],
  alarm: [[0, -6], [6, 5], [-6, 5]],
  unknown: [[0, -6.5], [6.5, 0], [0, 6.5], [-6.5, 0]],
};

function placed(state, x, y) {
  const corners = CORNERS[state];
  if (corners) return `M${corners.map(([a, b]) => `${x + a} ${y + b}`).join("L")}Z`;
  const r = 3;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}
