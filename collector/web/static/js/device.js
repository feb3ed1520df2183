// One device, one site.

import { alarmRow } from "./alarms.js";
import { chart } from "./chart.js";
import { h } from "./dom.js";
import { join, say, t } from "./i18n.js";
import { get, post } from "./net.js";
import {
  ago, at, badge, card, deviceLink, deviceRow, fact, icon, operatorName, problemText, since,
  siteLink, tag, toast,
} from "./parts.js";
import { whyCard } from "./why.js";

const SHOWN = 10; // readings that are not folded away
const url = (id) => `/api/v1/devices/${encodeURIComponent(id)}`;

async function look(id) {
  try {
    const outcome = await post(`${url(id)}/look`, {});
    toast(say(outcome.text) || t("looking"), !outcome.accepted);
  } catch (error) {
    toast(problemText(error), true);
  }
}

const refs = (title, items, total) => items.length > 0 && card(`${title} (${total})`,
  h("ul", { class: "plain" }, items.map((one) =>
    h("li", { "data-key": one.id }, badge(one.state), " ", deviceLink(one.id, one.name))),
  total > items.length && h("li", null, `${t("more")} ${total - items.length} ${t("more_rows")}`)));

const says = ({ agent, answers }) =>
  `${agent} ${t(answers === null ? "says_nothing" : answers ? "answered" : "unanswered")}`;

function facts({ device, cause_name, main, egress, systems, points, disagree }) {
  return h("dl", { class: "facts" },
    fact(t("since"), since(device.since_ms)),
    fact(t("why"), say(device.why) || "–"),
    device.cause && fact(t("cause"), deviceLink(device.cause, cause_name)),
    device.hides > 0 && fact(t("hides"),
      h("a", { href: `/devices?cause=${device.id}` }, `${device.hides}`)),
    fact(t("age"), ago(device.seen_ms)),
    fact(t("site"), siteLink(device.site, device.site_name)),
    fact(t("town"), device.town_name), fact(t("operator"), operatorName(device.operator)),
    points.length > 0 && fact(t("vantage"), join(points.map(says)),
      disagree && [" ", tag(t("disagree"), "risk")]),
    systems.length > 0 && fact(t("systems"), join(systems)));
}

function readings(items) {
  if (!items.length) return null;
  const table = (some) => h("div", { class: "scroll" }, h("table", { class: "data" },
    h("tbody", null, some.map((one) =>
      h("tr", { "data-key": `${one.metric}|${one.instance}`, class: one.alarm ? "s-alarm" : "" },
        h("th", { scope: "row" }, one.metric, one.instance && h("span", { class: "muted" },
          ` ${one.instance}`)),
        h("td", { class: "value" }, one.alarm && icon("alarm"), one.text
          || (one.value === null ? t("no_value") : `${round(one.value)} ${one.unit}`)),
        h("td", { class: "when" }, ago(one.at_ms)))))));
  const rest = items.slice(SHOWN);
  return card(t("readings"), table(items.slice(0, SHOWN)),
    rest.length > 0 && h("details", null,
      h("summary", null, `${t("more")} ${rest.length} ${t("more_rows")}`), table(rest)));
}

export const round = (value) =>
  Math.abs(value) >= 1000 || Number.isInteger(value) ? Math.round(value).toLocaleString("en")
    : value.toPrecision(3).replace(/\.?0+$/, "");

const transitions = (items) => items.length > 0 && card(t("transitions"),
  h("ol", { class: "log" }, items.map((one) =>
    h("li", { "data-key": `${one.at_ms} ${say(one.why)}` }, at(one.at_ms), " ",
      one.before !== one.after && [badge(one.before), " → ", badge(one.after), " "],
      h("span", { class: "say" }, say(one.why))))));

export const device = {
  title: (answer) => answer?.device.name ?? t("devices"),
  async load({ id }) {
    const [answer, series] = await Promise.all([
      get(url(id)), get(`${url(id)}/series?hours=24`).catch(() => null)]);
    return { ...answer, series };
  },
  view(answer, again) {
    const { device: one } = answer;
    return [
      h("div", { class: `head s-${one.state}` },
        h("h1", null, one.name), badge(one.state),
        one.key_unit && tag(t("key_unit"), "key"), answer.main && tag(t("main")),
        answer.egress && tag(t("egress")),
        one.quiet && tag(t(one.quiet === "maintenance" ? "maintained" : "shelved"), "work"),
        h("button", { type: "button", class: "main", onclick: () => look(one.id) }, t("look"))),
      h("div", { class: "two" },
        h("div", null, card(null, facts(answer)),
          answer.alarms.length > 0 && card(t("alarms"), h("ul", { class: "alarms" },
            answer.alarms.map((alarm) => alarmRow(alarm, again)))),
          whyCard(one.id),
          transitions(answer.transitions)),
        h("div", null, chart(one.id, answer.series, again),
          readings(answer.readings),
          refs(t("taken_down_by"), answer.taken_down_by, answer.taken_down_by.length),
          refs(t("takes_down"), answer.takes_down, answer.takes_down_total),
          refs(t("parents"), answer.parents, answer.parents.length),
          refs(t("children"), answer.children, answer.children_total))),
    ];
  },
};

export const site = {
  title: (answer) => answer?.site.name ?? t("sites"),
  load: ({ id }) => get(`/api/v1/sites/${encodeURIComponent(id)}`),
  view(answer, again) {
    const { site: one, devices, alarms } = answer;
    return [
      h("div", { class: `head s-${one.state}` }, h("h1", null, one.name), badge(one.state),
        one.key_unit && tag(t("key_unit"), "key"), one.hub && tag(t("hub")),
        one.at_risk && tag(t("at_risk"), "risk")),
      card(null, h("dl", { class: "facts" },
        fact(t("since"), since(one.since_ms)), fact(t("why"), say(one.why) || "–"),
        fact(t("town"), h("a", { href: `/sites?town=${one.town}` }, one.town_name)),
        fact(t("operator"), operatorName(one.operator)))),
      alarms.length > 0 && card(t("alarms"),
        h("ul", { class: "alarms" }, alarms.map((alarm) => alarmRow(alarm, again)))),
      whyCard(one.id),
      refs(t("taken_down_by"), answer.taken_down_by, answer.taken_down_by.length),
      refs(t("takes_down"), answer.takes_down, answer.takes_down_total),
      card(`${t("devices")} (${devices.length})`, h("ul", { class: "rows" }, devices.map(deviceRow))),
    ];
  },
};
