// The alarm list: who cares for what. Actions are signed by the technician's own key.

import { h } from "./dom.js";
import "./hush.js";
import { say, t } from "./i18n.js";
import { order } from "./keys.js";
import { asked, filterForm, go, LIMIT, pager, placeFilters, select } from "./lists.js";
import { get } from "./net.js";
import {
  SEVERITIES, ago, at, card, deviceLink, grade, operatorName, siteLink, tag,
} from "./parts.js";

const picked = new Set();

async function act(verb, alarms, about, again) {
  const { people } = await get("/api/v1/people");
  const who = () => {
    const choice = h("select", { id: "assignee" },
      h("option", { value: "" }, t("nobody")),
      people.map((one) => h("option", { value: one.account }, `${one.name} · ${one.organ}`)));
    return {
      node: [h("label", { for: "assignee" }, t("assigned")), choice],
      value: () => ({ assignee: choice.value || null }),
    };
  };
  const onShelf = () => {
    const name = h("input", { id: "shelf-name", required: true, maxlength: 100 });
    const hours = h("select", { id: "shelf-hours" }, HOURS.map((one) =>
      h("option", { value: one, selected: one === 24 }, `${one} ${t("hours")}`)));
    return {
      node: [h("p", { class: "muted" }, t("shelf_says")),
        h("label", { for: "shelf-name" }, t("shelf_name")), name,
        h("label", { for: "shelf-hours" }, t("for_hours")), hours],
      value: () => ({ name: name.value.trim(), valid_s: Number(hours.value) * 3600 }),
    };
  };
  const more = { assign: who, shelve: onShelf }[verb];
  const fields = ({ text, assignee, name, valid_s }) => ({ verb, alarms, text: text || name || "",
    ...(verb === "assign" ? { assignee } : {}), ...(verb === "shelve" ? { name, valid_s } : {}) });
  if (await order("alarm_action", t(verb), about, fields, more)) {
    picked.clear();
    again();
  }
}

const HOURS = [1, 4, 12, 24, 72, 168];

const one = (verb, alarms, about, again) =>
  h("button", { type: "button", onclick: () => act(verb, alarms, about, again) }, t(verb));

const buttons = (alarms, about, again, unack, shelved) => [
  unack ? h("button", { type: "button", onclick: () => act("unack", alarms, about, again) }, t("unack"))
    : h("button", { type: "button", class: "main", onclick: () => act("ack", alarms, about, again) },
        t("ack")),
  one("note", alarms, about, again),
  one("assign", alarms, about, again),
  one("close", alarms, about, again),
  one(shelved ? "unshelve" : "shelve", alarms, about, again),
];

// X.733: what it is called everywhere, and what it went through of late.
const history = (alarm) => h("details", { class: "changes" },
  h("summary", null, t("changes"), alarm.cause && h("span", { class: "muted" },
    ` X.733 ${alarm.cause}${alarm.cause_no === null ? "" : ` (${alarm.cause_no})`} · ${
      alarm.event_type}`)),
  h("ol", { class: "log" }, alarm.changes.map((row) =>
    h("li", { "data-key": `${row.at_ms} ${row.word}` }, at(row.at_ms), " ", t(`was_${row.word}`),
      row.word === "raised" && ` · ${t(row.severity === "warning" ? "slight" : row.severity)}`,
      row.said && row.word === "raised" && ` · ${row.said}`))));

const noteLine = (note) => h("li", null, at(note.at_ms), " ", h("strong", null, note.name), " ",
  t(note.verb), note.text && `：${note.text}`);

export function alarmRow(alarm, again, box) {
  const open = alarm.cleared_ms === null;
  const about = `${say(alarm.title)} · ${alarm.device_name || alarm.site_name}`;
  return h("li", { "data-key": alarm.id, class: `alarm ${open ? "" : "cleared"} ${alarm.unknown ? "blind" : ""}` },
    h("div", { class: "line" }, box, grade(alarm.severity),
      h("strong", { class: "title" }, say(alarm.title)),
      alarm.flapping && tag(t("flapping")),
      !open && tag(t("cleared"), alarm.unknown ? "" : "good"),
      alarm.unknown && tag(t("out_of_sight"), "blind"),
      alarm.maintained && open && tag(t("maintained"), "work"),
      alarm.shelved && tag(`${t("shelved")} ${alarm.shelved.name}`),
      alarm.closed && tag(t("closed")),
      !open && at(alarm.cleared_ms),
      h("span", { class: "when" }, ago(alarm.raised_ms))),
    h("div", { class: "where" }, alarm.device ? deviceLink(alarm.device, alarm.device_name)
      : siteLink(alarm.site, alarm.site_name), ` · ${alarm.town_name} · `,
    operatorName(alarm.operator)),
    say(alarm.text) && h("div", { class: "say" }, say(alarm.text)),
    alarm.shelved && h("div", { class: "say" }, `${alarm.shelved.reason} · ${alarm.shelved.person} `,
      t("until"), " ", at(alarm.shelved.until_ms)),
    h("div", { class: "line care" },
      alarm.acked ? tag(`${t("acked")} ${alarm.acked.name}`, "good")
        : open && !alarm.shelved && !alarm.closed && !alarm.maintained
          && tag(t("not_acked"), "risk"),
      alarm.assignee && tag(`${t("assigned")} ${alarm.assignee_name}`),
      h("span", { class: "buttons" }, open
        ? buttons([alarm.id], about, again, alarm.acked !== null || alarm.closed !== null,
            alarm.shelved !== null)
        : one("purge", [alarm.id], about, again))),
    history(alarm),
    alarm.notes.length > 0 && h("ul", { class: "notes" }, alarm.notes.map(noteLine)));
}

const SHOWN = ["open", "unacked", "unknown", "shelved", "closed", "cleared", "all"];

function tabs(params) {
  const now = params.get("show") ?? "open";
  return h("p", { class: "tabs" }, SHOWN.map((one) =>
    h("button", { type: "button", "aria-pressed": String(one === now),
      onclick: () => go(params, { show: one === "open" ? "" : one }) }, t(one))),
  h("a", { class: "button", href: "/maintenance" }, t("maintenance")));
}

function bulk(page, again) {
  const here = page.items.filter((one) => one.cleared_ms === null).map((one) => one.id);
  for (const id of [...picked]) if (!here.includes(id)) picked.delete(id);
  const all = here.length > 0 && picked.size === here.length;
  const flip = () => {
    if (all) picked.clear();
    else for (const id of here) picked.add(id);
    again(true);
  };
  return h("div", { class: "bulk" },
    h("label", { class: "inline" }, h("input", { type: "checkbox", id: "pick-all", checked: all,
      onchange: flip }), h("span", null, t("select_all"))),
    picked.size > 0 && h("span", { class: "buttons" }, `${t("selected")} ${picked.size} `,
      buttons([...picked], `${t("selected")} ${picked.size}`, again, false, false)));
}

export const page = {
  title: () => t("alarms"),
  load: ({ params }) => get(`/api/v1/alarms?${asked(params)}&limit=${LIMIT}`),
  view(list, again, { params }) {
    const pick = (id) => h("input", { type: "checkbox", "aria-label": t("selected"),
      checked: picked.has(id), onchange: (event) => {
        if (event.target.checked) picked.add(id);
        else picked.delete(id);
        again(true);
      } });
    return [
      h("h1", null, t("alarms")),
      tabs(params),
      filterForm(params, "alarms", [
        select(params, "severity", t("severity"), SEVERITIES,
          (one) => (one === "warning" ? say({ zh: "提示", en: "warning" }) : t(one))),
        ...placeFilters(params)]),
      list.items.length > 0 && bulk(list, again),
      list.items.length
        ? h("ul", { class: "alarms" },
            list.items.map((one) => alarmRow(one, again, pick(one.id))))
        : card(null, h("p", null, t("no_alarms"))),
      pager(params, list),
    ];
  },
};
