// The open warning and why: what the office sees first. The program drafts, people decide.

import { gradeTag, outlookCard, threatsCard } from "./ahead.js";
import { h } from "./dom.js";
import { join, say, t } from "./i18n.js";
import { order } from "./keys.js";
import { get } from "./net.js";
import {
  ago, at, attestedText, card, icon, judgedNow, networkState, operatorName, since, siteRow, tag, townName,
} from "./parts.js";
import { whyCard } from "./why.js";

// `about`: what the person puts their name to, in words.
async function command(verb, target, about, again, more = {}) {
  const fields = (given) => ({ verb, target, reason: given.text, ...more });
  if (await order("command", t(`${verb}_says`), about, fields)) again();
}

function draftCard({ draft, warning, judgement, outlook }) {
  const literal = draft.literal_warning && draft.literal_level;
  const standing = warning ?? { scenario: draft.warning, scenario_name: draft.warning_name,
    level: draft.level, level_name: draft.level_name };
  const piece = (title, name, none) => h("div", { class: none ? "grade none" : "grade" },
    h("span", { class: "muted" }, title), h("strong", null, say(name)));
  return h("section", { class: "card draft" },
    h("p", { class: "line" }, icon("down"),
      h("strong", null, warning ? say(warning.state_name) : t("drafted")),
      warning && h("span", { class: "muted" }, since(warning.since_ms), ` · ${warning.id}`)),
    h("div", { class: "grades" },
      piece(t("scenario"), standing.scenario_name, standing.scenario === "none"),
      piece(t("level"), standing.level_name, standing.level === "none")),
    h("p", { class: "line" }, judgedNow(standing, draft), gradeTag(draft, outlook),
      draft.pending && tag(t("pending"))),
    !literal && h("p", { class: "judge" }, t("judge_says"),
      judgement.map((one) => h("q", null, `${one.id} ${say(one.text)}`))));
}

function rangeCard({ warning_range, level_range, unknown, absent, draft }) {
  const worse = [];
  if (warning_range && say(warning_range[1]) !== say(draft.warning_name)) {
    worse.push(say(warning_range[1]));
  }
  if (level_range && say(level_range[1]) !== say(draft.level_name)) worse.push(say(level_range[1]));
  return card(t("range"),
    h("p", { class: "line" }, worse.length
      ? [icon("unknown"), h("strong", null, worse.join(" / "))] : t("range_none")),
    h("p", null, `${t("not_known")}: `, unknown.length
      ? h("strong", null, join(unknown.map(say))) : t("all_known")),
    absent.length > 0 && h("p", { class: "muted" },
      `${t("not_connected")}: ${join(absent.map(say))}`));
}

function stepsCard({ warning }, again) {
  if (!warning) return null;
  const about = `${warning.id} · ${say(warning.scenario_name)} · ${say(warning.level_name)}`;
  return card(t("next_steps"), h("p", { class: "muted" }, t("people_decide")),
    warning.steps.some((one) => !one.projected)
      ? h("ul", { class: "steps" }, warning.steps.filter((one) => !one.projected).map((step, n) =>
          h("li", { "data-key": step.verb },
            h("button", { type: "button", class: n === 0 ? "main" : "",
              onclick: () => command(step.verb, step.target, about, again) }, t(step.verb)),
            h("span", null, `${t(`${step.verb}_says`)} `,
              step.role_names.length > 0 && h("span", { class: "muted" },
                `${t("needs_role")} ${join(step.role_names.map(say))}`)))))
      : h("p", null, t("no_steps")));
}

// The projected level stands beside the observed one, one click away.
function aheadStep({ warning, outlook }, again) {
  const step = warning?.steps.find((one) => one.projected);
  if (!step || !outlook) return null;
  const about = `${warning.id} · ${t("projected")}: ${say(outlook.warning_name)} · `
    + say(outlook.level_name);
  return h("p", { class: "line" }, h("button", { type: "button", id: "propose-ahead",
    onclick: () => command("propose", step.target, about, again, { projected: true }) },
  t("propose_ahead")), h("span", { class: "muted" },
    `${t("needs_role")} ${join(step.role_names.map(say))}`));
}

// What people state in place of what nobody measures: operators, systems, and the plan's facts.
function attestCard({ operators, systems, facts }, again) {
  const unseen = (one) => one.attested || ["unknown", "absent"].includes(one.impact);
  const states = ["none", "partial", "full"].map((word) => ({ value: word, name: t(word) }));
  const rows = [
    ...[...operators, ...systems].filter(unseen).map((one) => ({ verb: "attest", id: one.id,
      name: named(one.name), said: one.attested, shown: networkState(one), values: states })),
    ...facts.map((one) => ({ verb: "fact", id: one.id, name: say(one.name), said: one.entered,
      shown: tag(one.entered ? valueName(one, one.entered.state) : t("not_entered"),
        one.entered ? "risk" : ""),
      values: one.values.map(({ value, name }) => ({ value, name: say(name) })) })),
  ];
  return h("details", { class: "card stated", open: rows.some((one) => one.said) },
    h("summary", null, h("h2", null, t("stated"))),
    h("p", { class: "muted" }, t("stated_says")),
    h("ul", { class: "plain" }, rows.map((one) => h("li", { "data-key": `${one.verb}-${one.id}` },
      h("span", { class: "line" }, one.shown, h("strong", null, one.name)),
      one.said && h("span", { class: "muted" }, attestedText(one.said)),
      h("span", { class: "buttons" },
        h("button", { type: "button", onclick: () => enter(one, again) },
          t(one.verb === "attest" ? "attest" : "enter_fact")),
        one.said && h("button", { type: "button", onclick: () => takeBack(one, again) },
          t("take_back")))))));
}

const named = (name) => (typeof name === "string" ? name : say(name));
const valueName = (fact, value) =>
  say(fact.values.find((one) => one.value === value)?.name ?? { zh: value, en: value });

// A state, a source and a term beside the reason; the term is empty: as the policy says.
function statement(values) {
  const state = h("select", { id: "state" }, values.map(({ value, name }) =>
    h("option", { value }, name)));
  const source = h("input", { id: "source", required: true, maxlength: 200, autocomplete: "off" });
  const minutes = h("input", { id: "minutes", type: "number", min: 1, max: 1440,
    placeholder: t("as_policy") });
  const piece = (id, word, node) => [h("label", { for: id }, t(word)), node];
  return {
    node: h("div", null, piece("state", "told_state", state), piece("source", "told_by", source),
      piece("minutes", "valid_min", minutes)),
    value: () => ({ state: state.value, source: source.value.trim(), minutes: minutes.value }),
  };
}

async function enter(one, again) {
  const fields = ({ text, state, source, minutes }) => ({ verb: one.verb, target: one.id,
    reason: text, state, source, ...(minutes && { valid_s: 60 * Number(minutes) }) });
  const title = t(one.verb === "attest" ? "attest_says" : "fact_says");
  if (await order("command", title, one.name, fields, () => statement(one.values))) again();
}

async function takeBack(one, again) {
  const fields = ({ text }) => ({ verb: one.verb, target: one.id, reason: text, state: "withdrawn" });
  if (await order("command", t("take_back_says"), one.name, fields)) again();
}

function spreadCard({ verdict, evidence }) {
  const word = verdict.spread;
  const state = { yes: "down", no: "ok" }[word] ?? "unknown";
  return card(t("spread"),
    h("p", { class: "line" }, icon(state), h("strong", null, t(word))),
    evidence.length > 0 && h("ol", { class: "evidence" },
      evidence.map((line) => h("li", null, line))));
}

function cellsCard({ cells, operators, systems }) {
  return card(t("cells"),
    h("ul", { class: "plain cols" }, operators.map((one) => h("li", { "data-key": one.id },
      networkState(one), " ", h("strong", null, say(one.name)), " ",
      h("span", { class: "muted" }, `${t("sites_out")} ${one.sites.down}/${total(one.sites)}`
        + (one.sites.unknown ? ` · ${t("unknown")} ${one.sites.unknown}` : ""))))),
    systems.length > 0 && h("ul", { class: "plain cols" }, systems.map((one) =>
      h("li", { "data-key": one.id }, networkState(one), " ", one.name))),
    h("ul", { class: "cells" }, cells.filter((one) => one.affected || one.state !== "unknown")
      .map((one) => h("li", { "data-key": `${one.operator}${one.town}` },
        h("a", { href: `/sites?town=${one.town}&operator=${one.operator}`,
          class: `chip s-${one.state}` },
        icon(one.state), `${townName(one.town)} ${operatorName(one.operator)} `,
        `${one.down + one.alarm + one.unknown}/${one.sites}`)))));
}

const total = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);

function sitesCard({ sites, sites_total: all }) {
  if (!all) return null;
  return card(`${t("sites_not_ok")} (${all})`,
    h("ul", { class: "rows" }, sites.slice(0, 12).map(siteRow)),
    all > 12 && h("p", null, h("a", { href: "/sites?state=down,alarm,unknown" }, t("see_all"))));
}

function rulesCard({ rules, clauses, policy }) {
  const quote = (one) => h("li", null, h("code", null, one.id), " ", say(one.text));
  return card(t("rules"),
    h("ul", { class: "quotes" }, rules.map(quote), clauses.map(quote)),
    policy.length > 0 && h("details", null, h("summary", null, t("policy")),
      h("div", { class: "scroll" }, h("table", { class: "data" }, h("tbody", null,
        policy.map((one) => h("tr", null, h("th", { scope: "row" }, one.path),
          h("td", null, one.value), h("td", { class: "muted" }, one.src))))))));
}

function noticesCard({ notices }, again) {
  if (!notices.length) return null;
  return card(t("notices"), h("ul", { class: "notices" }, notices.map((one) =>
    h("li", { "data-key": one.id },
      h("details", null,
        h("summary", null, h("span", { class: "line" },
          h("code", null, `#${one.number}`), h("strong", null, say(one.subject)), ago(one.at_ms))),
        h("p", { class: "pre" }, say(one.text))),
      h("p", { class: "line" },
        one.receipted_ms ? tag(`${t("receipted")} `, "good") : tag(t("not_receipted"), "risk"),
        one.acked_ms
          ? tag(`${t("acked")} ${one.acked_by ?? ""}`, "good")
          : [tag(t("not_acked"), "risk"), h("button", { type: "button",
              onclick: () => command("ack", one.id, `#${one.number} ${say(one.subject)}`, again) }, t("ack"))])))));
}

// Warnings that are over: each has a closing report, made from the journal.
function reportsCard({ reports, warning }) {
  const link = (id, form) => `/api/v1/reports/${id}?form=${form}`;
  const all = [...(warning ? [warning.id] : []), ...reports];
  if (!all.length) return null;
  return card(t("reports"), h("p", { class: "muted" }, t("reports_say")),
    h("ul", { class: "plain" }, all.map((id) => h("li", { "data-key": id, class: "line" },
      h("strong", null, id), id === warning?.id && tag(t("so_far")),
      h("a", { class: "button", href: link(id, "md"), target: "_blank" }, t("read")),
      h("a", { class: "button", href: link(id, "json"), target: "_blank" }, "JSON")))));
}

const logCard = ({ warning }) => warning?.log.length > 0 && card(t("log"),
  h("ol", { class: "log" }, warning.log.map((one, n) => h("li", { "data-key": `${n}` },
    at(one.at_ms), " ", h("strong", null, one.name || t("machine")), " ", say(one.what),
    one.reason && h("span", { class: "say" }, `：${one.reason}`)))));

export const page = {
  title: () => t("warning"),
  load: () => get("/api/v1/warning"),
  view(answer, again) {
    const { warning, draft } = answer;
    if (!draft || (!warning && draft.warning === "none")) {
      return [h("h1", null, t("warning")),
        h("p", { class: "calm" }, icon("ok"), " ", t("no_warning")),
        outlookCard(answer, null), whyCard("warning"), attestCard(answer, again),
        threatsCard(answer, again), reportsCard(answer),
        noticesCard(answer, again)];
    }
    return [
      h("h1", null, t("open_warning")),
      h("div", { class: "two" },
        h("div", null, draftCard(answer), stepsCard(answer, again),
          outlookCard(answer, aheadStep(answer, again)), rangeCard(answer),
          spreadCard(answer), attestCard(answer, again), threatsCard(answer, again),
          noticesCard(answer, again)),
        h("div", null, whyCard("warning"), cellsCard(answer), sitesCard(answer), rulesCard(answer), logCard(answer),
          reportsCard(answer))),
    ];
  },
};

