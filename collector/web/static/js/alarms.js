// The alarm list: who cares for what. Actions are signed by the technician's own key.

import { h } from "./dom.js";
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
  const fields = (given) => ({ verb, alarms, text: given.text,
    ...(verb === "assign" ? { assignee: given.assignee } : {}) });
  if (await order("alarm_action", t(verb), about, fields, verb === "assign" ? who : undefined)) {
    picked.clear();
    again();
  }
}

const buttons = (alarms, about, again, unack) => [
  unack ? h("button", { type: "button", onclick: () => act("unack", alarms, about, again) }, t("unack"))
    : h("button", { type: "button", class: "main", onclick: () => act("ack", alarms, about, again) },
        t("ack")),
  h("button", { type: "button", onclick: () => act("note", alarms, about, again) }, t("note")),
  h("button", { type: "button", onclick: () => act("assign", alarms, about, again) }, t("assign")),
];

const noteLine = (note) => h("li", null, at(note.at_ms), " ", h("strong", null, note.name), " ",
  t(note.verb), note.text && `：${note.text}`);

export function alarmRow(alarm, again, box) {
  const open = alarm.cleared_ms === null;
  const about = `${say(alarm.title)} · ${alarm.device_name || alarm.site_name}`;
  return h("li", { "data-key": alarm.id, class: `alarm ${open ? "" : "cleared"}` },
    h("div", { class: "line" }, box, grade(alarm.severity),
      h("strong", { class: "title" }, say(alarm.title)),
      alarm.flapping && tag(t("flapping")), !open && tag(t("cleared"), "good"),
      !open && at(alarm.cleared_ms),
      h("span", { class: "when" }, ago(alarm.raised_ms))),
    h("div", { class: "where" }, alarm.device ? deviceLink(alarm.device, alarm.device_name)
      : siteLink(alarm.site, alarm.site_name), ` · ${alarm.town_name} · `,
    operatorName(alarm.operator)),
    say(alarm.text) && h("div", { class: "say" }, say(alarm.text)),
    h("div", { class: "line care" },
      alarm.acked ? tag(`${t("acked")} ${alarm.acked.name}`, "good")
        : open && tag(t("not_acked"), "risk"),
      alarm.assignee && tag(`${t("assigned")} ${alarm.assignee_name}`),
      open && h("span", { class: "buttons" }, buttons([alarm.id], about, again, alarm.acked !== null))),
    alarm.notes.length > 0 && h("ul", { class: "notes" }, alarm.notes.map(noteLine)));
}

function tabs(params) {
  const now = params.get("show") ?? "open";
  return h("p", { class: "tabs" }, ["open", "unacked", "cleared", "all"].map((one) =>
    h("button", { type: "button", "aria-pressed": String(one === now),
      onclick: () => go(params, { show: one === "open" ? "" : one }) }, t(one))));
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
      buttons([...picked], `${t("selected")} ${picked.size}`, again, false)));
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
