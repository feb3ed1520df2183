// What is likely to come: sites without mains, the projected result, threats from outside.
// Expected is never shown as observed.

import { now, span } from "./clock.js";
import { h } from "./dom.js";
import { join, language, say, t } from "./i18n.js";
import {
  ago, at, card, icon, names, operatorName, siteLink, tag, townName,
} from "./parts.js";

// Keys come when something is signed: home shows the outlook and stays light.
const order = async (...given) => (await import("./keys.js")).order(...given);

const MINUTE = 60_000;
const left = (ms) => Math.max(0, Math.round((ms - now()) / MINUTE));
const interval = (one) =>
  `${left(one.low_ms)}–${left(one.high_ms)}${language() === "zh" ? "分钟" : " min"}`;

const ground = (power) => power.ground === "slope"
  ? `${t("by_slope")} ${span(power.over_s * 1000, language())}` : t(`by_${power.ground}`);

// 约 40 分钟后断电（35–48 分钟，UPS 报告）; kept true by the page's own refresh.
export function darkText(power) {
  if (power.dark_ms === null) return t(power.generator ? "on_generator" : "dark_unknown");
  const minutes = left(power.dark_ms);
  const when = minutes < 1 ? t("any_moment")
    : t("dark_in").replace("{}", span(minutes * MINUTE, language()));
  return `${when}（${interval(power)}，${ground(power)}）`;
}

export const darkTag = (power) => tag(power.dark_ms === null
  ? t(power.generator ? "on_generator" : "dark_unknown")
  : `${t("left")} ${span(left(power.dark_ms) * MINUTE, language())}`, "risk");

// By the plan's words, for judgement, or only expected: what is drafted on a projection is not seen.
export const gradeTag = (draft, outlook) => {
  if (outlook && draft.warning === "none" && outlook.warning !== "none") {
    return tag(t("projected"), "risk");
  }
  const literal = draft.literal_warning && draft.literal_level;
  return tag(literal ? t("literal") : t("judge"), literal ? "good" : "risk");
};

const worse = (states, nameOf) => ["full", "partial"].flatMap((word) => {
  const which = Object.keys(states).filter((id) => states[id] === word).map(nameOf);
  return which.length ? [h("li", null, icon(word === "full" ? "down" : "alarm"), " ",
    `${t(word)}: ${join(which)}`)] : [];
});

// `step`: the signed proposal of the projected level; null where nobody may or need.
export function outlookCard({ outlook, dark_next, systems, threats }, step) {
  if (!outlook && !dark_next.length) return null;
  const systemName = (id) => systems?.find((one) => one.id === id)?.name ?? id;
  return card(t("outlook"),
    outlook && h("p", { class: "line" }, icon("unknown"),
      h("strong", null, outlook.low_ms !== null
        ? `${t("expected_in").replace("{}", span(left(outlook.at_ms) * MINUTE, language()))}（${interval(outlook)}）`
        : outlook.threats.length ? t("expected_threat") : t("expected_unknown")),
      tag(t("projected"))),
    outlook && h("div", { class: "grades" },
      grade(t("scenario"), outlook.warning_name, outlook.warning),
      grade(t("level"), outlook.level_name, outlook.level)),
    outlook && h("ul", { class: "plain" }, worse(outlook.operators, operatorName),
      worse(outlook.systems, systemName),
      outlook.sites > 0 && h("li", null, `${t("going_dark")} ${outlook.sites}`,
        outlook.behind > 0 && ` · ${t("cut_off_behind")} ${outlook.behind}`),
      outlook.threats.length > 0 && h("li", null, `${t("threats")}: ${join(outlook.threats)}`)),
    step,
    dark_next.length > 0 && [
      h("ul", { class: "plain" }, dark_next.map((one) => h("li", { "data-key": one.site },
        siteLink(one.site, one.name), " ", one.key_unit && tag(t("key_unit"), "key"),
        h("span", { class: "muted" }, ` ${one.town_name} · ${operatorName(one.operator)} · `),
        darkText(one.power), behind(one.power)))),
      h("p", null, h("a", { href: "/sites?at_risk=true&sort=dark" }, t("see_all")))],
    h("p", { class: "muted" }, t("outlook_says")));
}

const grade = (title, name, word) => h("div", { class: word === "none" ? "grade none" : "grade ahead" },
  h("span", { class: "muted" }, title), h("strong", null, say(name)));

const behind = (power) => {
  const said = [power.keys > 0 && `${t("key_unit")} ${power.keys}`,
    power.people > 1 && `${t("people")} ${power.people}`].filter(Boolean);
  return said.length > 0 && h("span", { class: "muted" }, ` · ${t("behind_it")} ${join(said)}`);
};

export function threatsCard({ threats, operators, systems }, again) {
  const networks = { operators, systems };
  const hit = (one) => join([...one.operators.map(operatorName),
    ...one.systems.map((id) => systems.find((each) => each.id === id)?.name ?? id),
    ...one.towns.map(townName)]);
  return h("details", { class: "card stated", open: threats.length > 0 },
    h("summary", null, h("h2", null, t("threats"))),
    h("p", { class: "muted" }, t("threats_say")),
    h("ul", { class: "plain" }, threats.map((one) => h("li", { "data-key": one.id },
      h("span", { class: "line" }, tag(t(one.entered ? "entered" : "proposed_by_feed"),
        one.entered ? "risk" : ""), h("strong", null, one.what)),
      h("span", { class: "muted" }, `${t("may_hit")} ${hit(one)} · ${t(one.degree)} · `
        + `${t("attested_by")} ${one.source}${one.name ? ` · ${t("entered_by")} ${one.name}` : ""} · `,
      one.from_ms > now() && [`${t("since")} `, at(one.from_ms), " · "],
      `${t("until")} `, at(one.until_ms), " · ", ago(one.at_ms)),
      h("span", { class: "buttons" },
        !one.entered && h("button", { type: "button", onclick: () => enter(networks, one, again) },
          t("enter_fact")),
        h("button", { type: "button", onclick: () => takeBack(one, again) },
          t(one.entered ? "take_back" : "dismiss")))))),
    h("p", { class: "buttons" }, h("button", { type: "button",
      onclick: () => enter(networks, null, again) }, t("new_threat"))));
}

function choice(id, word, options, chosen) {
  const node = h("select", { id, multiple: true, size: Math.min(5, Math.max(2, options.length)) },
    options.map(([value, name]) => h("option", { value, selected: chosen.includes(value) }, name)));
  return { node: [h("label", { for: id }, t(word)), node],
    value: () => [...node.selectedOptions].map((one) => one.value) };
}

function form({ operators, systems }, one) {
  const text = (id, word, value) => {
    const node = h("input", { id, required: true, maxlength: 200, autocomplete: "off", value });
    return { node: [h("label", { for: id }, t(word)), node], value: () => node.value.trim() };
  };
  const what = text("what", "threat_what", one?.what ?? "");
  const source = text("source", "told_by", one?.source ?? "");
  const degree = h("select", { id: "degree" }, ["partial", "full"].map((word) =>
    h("option", { value: word, selected: word === one?.degree }, t(word))));
  const spread = h("input", { id: "spread", type: "checkbox", checked: one?.spread ?? false });
  const hours = h("input", { id: "hours", type: "number", min: 1, max: 168, placeholder: t("as_policy"),
    value: one ? Math.max(1, Math.round((one.until_ms - now()) / 3600_000)) : "" });
  const which = {
    towns: choice("towns", "town", [...names.towns], one?.towns ?? []),
    operators: choice("operators", "operator",
      operators.map((each) => [each.id, say(each.name)]), one?.operators ?? []),
    systems: choice("systems", "systems", systems.map((each) => [each.id, each.name]),
      one?.systems ?? []),
  };
  return {
    node: h("div", null, what.node, source.node, which.towns.node, which.operators.node,
      systems.length > 0 && which.systems.node,
      h("label", { for: "degree" }, t("threat_degree")), degree,
      h("label", { class: "line" }, spread, ` ${t("may_spread")}`),
      h("label", { for: "hours" }, t("valid_hours")), hours),
    value: () => ({ what: what.value(), source: source.value(), degree: degree.value,
      spread: spread.checked, hours: hours.value,
      towns: which.towns.value(), operators: which.operators.value(), systems: which.systems.value() }),
  };
}

async function enter(networks, one, again) {
  const target = one?.id ?? `t-${now().toString(36)}`;
  const fields = (given) => ({ verb: "threat", target, reason: given.text, state: given.degree,
    source: given.source, ...(given.hours && { valid_s: 3600 * Number(given.hours) }),
    threat: { what: given.what, operators: given.operators, systems: given.systems,
      towns: given.towns, spread: given.spread,
      ...(one?.from_ms > now() && { from_ms: one.from_ms }) } });
  if (await order("command", t("threat_says"), one?.areas || t("threats_say"), fields,
    () => form(networks, one))) again();
}

async function takeBack(one, again) {
  const fields = ({ text }) => ({ verb: "threat", target: one.id, reason: text, state: "withdrawn" });
  if (await order("command", t("take_back_says"), one.what, fields)) again();
}
