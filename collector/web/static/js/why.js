// Why it is judged so: fetched when somebody opens the card, and as of then.

import { stamp } from "./clock.js";
import { h } from "./dom.js";
import { say, t } from "./i18n.js";
import { get } from "./net.js";
import { problemText } from "./parts.js";

const OPEN = 2; // levels of the tree that are open at once

export function whyCard(target) {
  const body = h("div", { "data-keep": `why ${target}`, class: "why" });
  return h("details", { class: "card", "data-key": "why-card",
    ontoggle: (event) => event.target.open && fill(event.target.querySelector(".why"), target) },
  h("summary", null, h("h2", null, t("why_card"))), body);
}

async function fill(body, target) {
  try {
    const found = await get(`/api/v1/why/${encodeURIComponent(target)}`);
    body.replaceChildren(...answer(found, () => fill(body, target)));
  } catch (error) {
    body.replaceChildren(h("p", { class: "judge" }, problemText(error)));
  }
}

function answer(found, again) {
  return [
    h("p", { class: "line muted" }, `${t("as_of")} ${stamp(found.at_ms)}`,
      h("button", { type: "button", onclick: again }, t("renew"))),
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
