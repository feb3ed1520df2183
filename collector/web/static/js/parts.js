// Small pieces that every page uses. A state is always shape + word, never colour alone.

import { darkTag } from "./ahead.js";
import { now, span, stamp } from "./clock.js";
import { h, svg } from "./dom.js";
import { language, say, t } from "./i18n.js";

// An issued warning stands until people change it; what the program judges now may differ.
export const judgedNow = ({ scenario, level }, draft) =>
  (scenario !== draft.warning || level !== draft.level) && h("span", { class: "muted" },
    `${t("judged_now")}: ${[draft.warning_name, draft.level_name].map(say).join(" / ")}`);

export const STATES = ["down", "alarm", "unknown", "ok"];
export const APART = ["not_commissioned", "not_connected"];
export const SEVERITIES = ["critical", "major", "minor", "warning"];

// Shapes in a box of -10..10: filled cross-box, triangle, diamond, disc, ring, dash.
const SHAPES = {
  down: "M-9-9H9V9H-9ZM-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0Z",
  alarm: "M0-9 10 8H-10ZM-1.5-3V3h3V-3ZM-1.5 4.500v2.500h3V4.500Z",
  unknown: "M0-10 10 0 0 10-10 0ZM0-6-6 0 0 6 6 0Z",
  ok: "M0-8A8 8 0 1 1 0 8A8 8 0 1 1 0-8Z",
  not_commissioned: "M0-8A8 8 0 1 1 0 8A8 8 0 1 1 0-8ZM0-5A5 5 0 1 0 0 5A5 5 0 1 0 0-5Z",
  not_connected: "M-8-2H8V2H-8Z",
};
export const shape = (state) => SHAPES[state] ?? SHAPES.unknown;

export const icon = (state) =>
  svg("svg", { class: `icon s-${state}`, viewBox: "-11 -11 22 22", "aria-hidden": "true" },
    svg("path", { d: shape(state), "fill-rule": "evenodd" }));

export const badge = (state) =>
  h("span", { class: `badge s-${state}` }, icon(state), h("span", null, t(state)));

const GRADE = { critical: "down", major: "alarm", minor: "alarm", warning: "unknown" };
export const grade = (severity) =>
  h("span", { class: `badge s-${GRADE[severity] ?? "unknown"}` },
    icon(GRADE[severity] ?? "unknown"),
    h("span", null, severity === "warning" ? (language() === "zh" ? "提示" : "warning")
      : t(severity)));

const IMPACT = { none: "ok", partial: "alarm", full: "down", unknown: "unknown",
  absent: "not_connected" };
export const impact = (word) =>
  h("span", { class: `badge s-${IMPACT[word] ?? "unknown"}` }, icon(IMPACT[word] ?? "unknown"),
    h("span", null, t(word)));

// An operator or a system: its measured state; where nobody measures it, what a person's word says,
// in dashes and named as such.
export const networkState = (one) => one.attested
  ? h("span", { class: "attested", title: attestedText(one.attested) },
      impact(one.attested.state), h("span", { class: "tag" }, t("attested")))
  : one.trial ? h("span", { title: trialText(one) },
      h("span", { class: "tag" }, t("trial")), one.would && impact(one.would.state))
    : impact(one.impact);

// What an operator in trial would be judged as, and the county with it.
export const trialText = ({ would }) => !would ? ""
  : `${t("would_be")} ${t(would.state)} (${would.out}/${would.sites})`
    + (would.warning ? `; ${t("if_counted")} ${say(would.warning)} ${say(would.level)}` : "");

export const attestedText = (said) =>
  `${t("attested_by")} ${said.source} · ${t("entered_by")} ${said.name} · `
    + `${t("until")} ${stamp(said.until_ms)}`;

// "12 分钟前", kept up to date by tick().
export const ago = (ms) =>
  ms === null || ms === undefined
    ? h("span", { class: "muted" }, t("never"))
    : h("time", { "data-at": ms, title: stamp(ms), datetime: new Date(ms).toISOString() },
        agoText(ms));

const agoText = (ms) => span(now() - ms, language()) + t("ago");

export function tick() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const text = agoText(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
}

export const at = (ms) => h("span", { class: "at" }, stamp(ms));

export const since = (ms) => (ms ? [at(ms), " · ", ago(ms)] : "–");

export const card = (title, ...children) =>
  h("section", { class: "card" }, title && h("h2", null, title), ...children);

export const fact = (name, ...value) =>
  h("div", { class: "fact" }, h("dt", null, name), h("dd", null, ...value));

export const tag = (text, kind) => h("span", { class: `tag ${kind ?? ""}` }, text);

export const chosen = (options, value, names) =>
  options.map((one) => h("option", { value: one, selected: one === value }, names(one)));

export const deviceLink = (id, name) => h("a", { href: `/devices/${encodeURIComponent(id)}` },
  name || id);
export const siteLink = (id, name) => h("a", { href: `/sites/${encodeURIComponent(id)}` },
  name || id);

// The county's names, filled from the summary so that every page can show them.
export const names = { operators: new Map(), towns: new Map() };
export function learn(summary) {
  names.operators = new Map(summary.operators.map((one) => [one.id, one.name]));
  names.towns = new Map(summary.towns.map((one) => [one.code, one.name]));
}
export const operatorName = (id) => say(names.operators.get(id)) || id;
export const townName = (code) => names.towns.get(code) || code;

// One line of a device list.
export const deviceRow = (row) =>
  h("li", { "data-key": row.id, class: `row s-${row.state}` },
    badge(row.state),
    h("span", { class: "who" }, deviceLink(row.id, row.name),
      row.key_unit && tag(t("key_unit"), "key"),
      row.hides > 0 && tag(`${t("hides")} ${row.hides}`),
      row.quiet && tag(t(row.quiet === "maintenance" ? "maintained" : "shelved"), "work")),
    h("span", { class: "where" }, `${row.town_name} · ${operatorName(row.operator)} · `,
      siteLink(row.site, row.site_name)),
    h("span", { class: "say" }, say(row.why)),
    h("span", { class: "when" }, row.since_ms ? ago(row.since_ms) : ""));

export const siteRow = (row) =>
  h("li", { "data-key": row.id, class: `row s-${row.state}` },
    badge(row.state),
    h("span", { class: "who" }, siteLink(row.id, row.name),
      row.key_unit && tag(t("key_unit"), "key"), row.hub && tag(t("hub")),
      row.at_risk && tag(t("at_risk"), "risk"),
      row.power && row.state !== "down" && darkTag(row.power)),
    h("span", { class: "where" }, `${row.town_name} · ${operatorName(row.operator)} · `,
      STATES.filter((state) => row.devices[state]).map((state) =>
        h("span", { class: "mini" }, icon(state), h("span", { class: "sr" }, t(state)),
          row.devices[state], " "))),
    h("span", { class: "say" }, say(row.why)),
    h("span", { class: "when" }, row.since_ms ? ago(row.since_ms) : ""));

let toastNumber = 0;
export function toast(text, bad) {
  const box = document.querySelector("dialog[open]") ?? document.getElementById("toasts");
  const node = h("p", { class: bad ? "toast bad" : "toast", id: `toast${toastNumber++}` }, text);
  box.append(node);
  setTimeout(() => node.remove(), bad ? 9000 : 5000);
}

export const problemText = (error) =>
  say(error?.problem?.text) || (error?.status === 0 || error?.status === 504
    ? t("lost") : t("failed"));

// A modal dialog; resolves to what `done` was called with, null when it was closed.
export function ask(title, body) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-label": title });
    const done = (value) => { resolve(value); dialog.close(); };
    dialog.append(h("h2", null, title), h("div", null, ...[body(done)].flat()));
    dialog.addEventListener("close", () => { resolve(null); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
