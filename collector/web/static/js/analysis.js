// The regular analysis of a day, a week or a month: the same tables as the workbook.

import { h } from "./dom.js";
import { language, say, t } from "./i18n.js";
import { get } from "./net.js";
import { card } from "./parts.js";

const PERIODS = ["day", "week", "month"];

const asked = (params) => {
  const found = new URLSearchParams();
  const period = params.get("period");
  found.set("period", PERIODS.includes(period) ? period : "day");
  if (/^\d{4}-\d{2}-\d{2}$/.test(params.get("day") ?? "")) found.set("day", params.get("day"));
  return found;
};

function visit(params, changes) {
  const next = asked(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  dispatchEvent(new CustomEvent("wanglou:go", { detail: { url: `/analysis?${next}` } }));
}

// A head is said in both languages, the Chinese word first.
const word = (head) => {
  const cut = head.indexOf(" ");
  return cut < 0 ? head : language() === "zh" ? head.slice(0, cut) : head.slice(cut + 1);
};

function table(sheet) {
  if (!sheet.rows.length) return card(say(sheet.title), h("p", { class: "muted" }, say(sheet.none)));
  const figures = sheet.heads.map((_, at) => sheet.rows.every((row) => typeof row[at] === "number"));
  return card(say(sheet.title),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": say(sheet.title) },
      h("table", { class: "sheet", id: `sheet-${sheet.id}` },
        h("thead", null, h("tr", null, sheet.heads.map((head) => h("th", { scope: "col" }, word(head))))),
        h("tbody", null, sheet.rows.map((row) => h("tr", null, row.map((cell, at) =>
          h("td", { class: figures[at] ? "figure" : null }, String(cell)))))))));
}

export const page = {
  title: () => t("analysis"),
  load: ({ params }) => get(`/api/v1/analysis?${asked(params)}`),
  view: (data, again, { params }) => [
    h("h1", null, t("analysis")),
    h("form", { class: "filter line", onsubmit: (event) => event.preventDefault() },
      h("p", { class: "tabs" }, PERIODS.map((one) => h("button", { type: "button", id: `p-${one}`,
        "aria-pressed": String(asked(params).get("period") === one),
        onclick: () => visit(params, { period: one }) }, t(`per_${one}`)))),
      h("label", null, h("span", null, t("day_in_it")), h("input", { type: "date", id: "day",
        value: params.get("day") ?? "",
        onchange: (event) => visit(params, { day: event.target.value }) })),
      h("a", { class: "button", download: "", href: `/api/v1/export/analysis.xlsx?${asked(params)}` },
        t("export"))),
    h("p", { class: "line" }, h("strong", { id: "what" }, say(data.title))),
    data.remarks.map((one) => h("p", { class: "muted" }, say(one))),
    data.sheets.map(table),
  ],
};
