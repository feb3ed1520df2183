// Why it is judged so, now or at a moment that is over: fetched when somebody opens the card.

import { now, parts, stamp } from "./clock.js";
import { h } from "./dom.js";
import { say, t } from "./i18n.js";
import { get } from "./net.js";
import { problemText } from "./parts.js";

const OPEN = 2; // levels of the tree that are open at once
const AGAIN_MS = 1000;
const MOST_TRIES = 60;

export function whyCard(target) {
  const body = h("div", { "data-keep": `why ${target}`, class: "why" });
  return h("details", { class: "card", "data-key": "why-card",
    ontoggle: (event) => event.target.open && fill(event.target.querySelector(".why"), target) },
  h("summary", null, h("h2", { class: "inline" }, t("why_card"))), body);
}

// `at`: domain milliseconds of a moment that is over; null: now.
async function fill(body, target, at = null) {
  const asked = body.asked = Symbol("asked"); // only the last question is answered
  const ask = (when) => fill(body, target, when);
  try {
    const found = await read(`/api/v1/why/${encodeURIComponent(target)}${at ? `?at=${at}` : ""}`,
      () => body.isConnected && body.asked === asked
        && body.replaceChildren(h("p", { class: "muted", role: "status" }, t("reading_then"))));
    if (body.asked === asked) body.replaceChildren(...answer(found, at, ask));
  } catch (error) {
    if (body.asked === asked) {
      body.replaceChildren(chooser(at ?? now(), at, ask), h("p", { class: "judge" }, problemText(error)));
    }
  }
}

// What the server still reads is asked for again; `waits` says whether anybody still looks.
async function read(path, waits) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await get(path);
    } catch (error) {
      if (error.status !== 503 || tries >= MOST_TRIES || waits() === false) throw error;
      await new Promise((done) => { setTimeout(done, AGAIN_MS); });
    }
  }
}

// 截至 14:05:12 · 刷新 · 回查 [时刻]; what is typed is the county's time, whatever the phone's is.
function chooser(shown, at, ask) {
  const { day, time } = parts(shown);
  const input = h("input", { id: "why-at", type: "datetime-local", step: 1, value: `${day}T${time}`,
    max: `${parts(now()).day}T23:59:59` });
  const chosen = (event) => {
    event.preventDefault();
    const ms = Date.parse(`${input.value}+08:00`);
    if (!Number.isNaN(ms)) ask(ms);
  };
  return h("form", { class: "when", onsubmit: chosen },
    h("span", { class: "muted" }, `${t("as_of")} ${stamp(shown)}`),
    at ? h("button", { type: "button", onclick: () => ask(null) }, t("to_now"))
      : h("button", { type: "button", onclick: () => ask(null) }, t("renew")),
    h("label", { for: "why-at" }, t("why_then")), input,
    h("button", { type: "submit" }, t("look_back")));
}

function answer(found, at, ask) {
  return [
    chooser(found.at_ms, at, ask),
    ...found.notes.map((note) => h("p", { class: "judge" }, say(note))),
    h("ul", { class: "tree" }, branch(found.why, 0)),
    ...found.nearer.map(next),
    found.possible.length > 0 && part(t("if_known"),
      found.possible.map((one) => h("li", null, say(one.text), one.overdue && ` (${t("overdue")})`))),
    found.why_not.length > 0 && h("details", null, h("summary", null, t("why_not")),
      h("ul", { class: "tree" }, found.why_not.map((one) => branch(one, OPEN - 1)))),
  ].filter(Boolean);
}

const part = (title, rows) => h("div", null, h("h3", null, title), h("ul", null, rows));

const joint = () => (t("and_with") === "且" ? "，且" : " and ");

const next = (one) => part(`${t("any_more")} ${say(one.name)}`, one.any_of.length
  ? one.any_of.map((way) => h("li", null, way.changes.map(say).join(joint())))
  : [h("li", null, t("none_found"))]);

function branch(node, depth) {
  const mark = node.holds ? node.state : "unmet";
  const text = h("span", { class: `w-${mark}` }, say(node.text));
  if (!node.parts.length) return h("li", null, text);
  return h("li", null, h("details", { open: depth < OPEN }, h("summary", null, text),
    h("ul", { class: "tree" }, node.parts.map((one) => branch(one, depth + 1)))));
}
