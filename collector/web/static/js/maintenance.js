// Maintenance windows and the shelf: what is kept quiet, by whom, until when.

import { now } from "./clock.js";
import { h } from "./dom.js";
import "./hush.js";
import { join, say, t } from "./i18n.js";
import { order } from "./keys.js";
import { get } from "./net.js";
import { at, card, operatorName, names, tag } from "./parts.js";

const KINDS = { device: ["设备"], site: ["站点", "基站", "机房"], operator: ["企业", "运营企业", "运营商"] };
const RULES = ["", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY"];

// 站点:ID → site:ID, as the register's table writes it too. What is none stays, and is refused by name.
function targetOf(text) {
  const [word, ...rest] = text.replace("：", ":").split(":");
  const kind = Object.keys(KINDS).find((one) => one === word || KINDS[one].includes(word));
  return kind ? `${kind}:${rest.join(":").trim()}` : text;
}

// China Standard Time, whatever clock the browser keeps.
const local = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 16);
const stampOf = (text) => Date.parse(`${text}:00+08:00`);

const field = (id, label, node) => [h("label", { for: id }, label), Object.assign(node, { id })];

export function enterWindow(given, again) {
  const about = () => {
    const inputs = {
      targets: h("input", { required: true, maxlength: 500, value: given.targets ?? "",
        placeholder: t("targets_hint") }),
      name: h("input", { required: true, maxlength: 200 }),
      from: h("input", { type: "datetime-local", required: true, value: local(now()) }),
      to: h("input", { type: "datetime-local", required: true, value: local(now() + 4 * 3600e3) }),
      rrule: h("select", null, RULES.map((one) =>
        h("option", { value: one }, t(one ? one.slice(5).toLowerCase() : "once")))),
    };
    return {
      node: [
        ...field("targets", t("targets"), inputs.targets),
        h("p", { class: "muted" }, join([...names.operators.keys()].map((id) =>
          `${id} ${operatorName(id)}`))),
        ...field("window-name", t("window_name"), inputs.name),
        ...field("from", t("from"), inputs.from), ...field("to", t("to"), inputs.to),
        ...field("rrule", t("repeats"), inputs.rrule)],
      value: () => ({ window: {
        id: `w-${Date.now().toString(36)}`,
        targets: inputs.targets.value.split(/[;；,，、\s]+/).filter(Boolean).map(targetOf),
        start_ms: stampOf(inputs.from.value), end_ms: stampOf(inputs.to.value),
        rrule: inputs.rrule.value, name: inputs.name.value.trim(),
      } }),
    };
  };
  const fields = ({ window, text }) =>
    ({ verb: "maintain", alarms: [], text, window: { ...window, reason: text || window.name } });
  return order("alarm_action", t("maintain"), t("maintain_says"), fields, about)
    .then((done) => done && again());
}

async function end(one, again) {
  const says = one.account ? t("end_says") : t("end_register_says");
  const fields = ({ text }) => ({ verb: "end", alarms: [], target: one.id, text });
  if (await order("alarm_action", t("end_window"), `${one.name} · ${says}`, fields)) again();
}

async function unshelve(one, again) {
  const fields = ({ text }) => ({ verb: "unshelve", alarms: [one.alarm], text });
  if (await order("alarm_action", t("unshelve"), `${one.name} · ${one.device_name}`, fields)) again();
}

const who = (one) => (one.account ? `${one.person} ${t("entered_it")}` : t("of_register"));

const windowRow = (one, again) =>
  h("li", { "data-key": one.id, class: "alarm window" },
    h("div", { class: "line" },
      one.state === "open" ? tag(t("maintained"), "work") : tag(t("coming")),
      h("strong", { class: "title" }, one.name),
      one.rrule && tag(t(ruleName(one.rrule)), "")),
    h("div", { class: "where" }, join(one.targets.map(say)), ` · ${one.devices} `, t("devices_unit")),
    h("div", { class: "say" }, one.begins_ms && at(one.begins_ms), " – ",
      one.ends_ms && at(one.ends_ms), one.rrule && ` · ${one.rrule}`),
    h("div", { class: "say" }, `${one.reason} · ${who(one)}`),
    h("div", { class: "line care" },
      one.state === "open" && (one.wrong
        ? tag(`${one.wrong} ${t("out_of_order")}`, "risk") : tag(t("all_in_order"), "good")),
      h("span", { class: "buttons" },
        (one.account || one.state === "open") && h("button", { type: "button",
          onclick: () => end(one, again) }, t("end_window")))));

const ruleName = (rule) => {
  const found = /FREQ=(\w+)/.exec(rule);
  return found ? found[1].toLowerCase() : "once";
};

const shelfRow = (one, again) =>
  h("li", { "data-key": one.alarm, class: "alarm" },
    h("div", { class: "line" }, tag(t("shelved")), h("strong", { class: "title" }, one.name),
      h("span", { class: "when" }, t("until"), " ", at(one.until_ms))),
    h("div", { class: "where" }, h("a", { href: `/devices/${encodeURIComponent(one.alarm.split("|")[0])}` },
      one.device_name), ` · ${one.alarm.split("|").slice(1).filter(Boolean).join(" ")}`),
    h("div", { class: "say" }, `${one.reason} · ${one.person} ${t("entered_it")}`),
    h("div", { class: "line care" }, h("span", { class: "buttons" },
      h("button", { type: "button", onclick: () => unshelve(one, again) }, t("unshelve")))));

export const page = {
  title: () => t("maintenance"),
  load: () => get("/api/v1/maintenance"),
  view: ({ windows, shelf }, again) => [
    h("div", { class: "head" }, h("h1", null, t("maintenance")),
      h("button", { type: "button", class: "main", onclick: () => enterWindow({}, again) },
        t("maintain"))),
    h("p", { class: "muted" }, t("maintenance_says")),
    windows.length
      ? h("ul", { class: "alarms" }, windows.map((one) => windowRow(one, again)))
      : card(null, h("p", null, t("no_windows"))),
    h("h1", null, t("shelf")),
    h("p", { class: "muted" }, t("shelf_says")),
    shelf.length
      ? h("ul", { class: "alarms" }, shelf.map((one) => shelfRow(one, again)))
      : card(null, h("p", null, t("no_shelf"))),
  ],
};
