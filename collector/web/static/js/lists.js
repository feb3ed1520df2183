// Lists of devices and sites: the filter stands in the address, so it can be sent to somebody.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { get } from "./net.js";
import {
  APART, STATES, card, chosen, deviceRow, names, operatorName, siteRow, townName,
} from "./parts.js";

export const LIMIT = 50;
const FIELDS = ["q", "state", "operator", "town", "sort", "site", "cause", "at_risk", "key_unit",
  "show", "severity", "assignee", "offset"];

// Only what the interface knows; anything else in the address is ignored.
export function asked(params) {
  const found = new URLSearchParams();
  for (const name of FIELDS) if (params.get(name)) found.set(name, params.get(name));
  return found;
}

export function go(params, changes, replace) {
  const next = asked(params);
  for (const [name, value] of Object.entries({ offset: "", ...changes })) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  const url = location.pathname + (text ? `?${text}` : "");
  dispatchEvent(new CustomEvent("wanglou:go", { detail: { url, replace } }));
}

let typing;
export function searchField(params) {
  const search = (event) => {
    clearTimeout(typing);
    const value = event.target.value;
    typing = setTimeout(() => go(params, { q: value.trim() }, true), 250);
  };
  return h("input", { type: "search", id: "q", value: params.get("q") ?? "", oninput: search,
    placeholder: t("search"), "aria-label": t("find"), autocomplete: "off", maxlength: 100 });
}

export function select(params, name, label, options, text) {
  const change = (event) => go(params, { [name]: event.target.value });
  return h("label", null, h("span", null, label),
    h("select", { id: `f-${name}`, onchange: change, value: params.get(name) ?? "" },
      h("option", { value: "" }, t("all")), chosen(options, params.get(name), text)));
}

export function placeFilters(params) {
  return [
    select(params, "operator", t("operator"), [...names.operators.keys()], operatorName),
    select(params, "town", t("town"), [...names.towns.keys()], townName),
  ];
}

export function pager(params, page) {
  const move = (offset) => () => go(params, { offset: offset ? String(offset) : "" });
  const last = page.offset + page.items.length;
  return h("nav", { class: "pager", "aria-label": t("next") },
    h("button", { type: "button", disabled: page.offset === 0,
      onclick: move(Math.max(0, page.offset - LIMIT)) }, t("prev")),
    h("span", { id: "total" }, page.total ? `${page.offset + 1}–${last} ${t("of")} ${page.total}` : "0"),
    h("button", { type: "button", disabled: last >= page.total,
      onclick: move(page.offset + LIMIT) }, t("next")));
}

export function exportLink(params, name) {
  const wanted = asked(params);
  wanted.delete("offset");
  const text = wanted.toString();
  return h("a", { class: "button", download: "",
    href: `/api/v1/export/${name}.xlsx${text ? `?${text}` : ""}` }, t("export"));
}

const WIDE = matchMedia("(min-width: 800px)");

// The filters: folded on a phone until wanted or in use, always open where there is room.
export function filterForm(params, name, fields) {
  const used = [...asked(params).keys()].filter((one) => !["offset", "q", "show"].includes(one));
  return h("form", { class: "filter", role: "search", onsubmit: (event) => event.preventDefault() },
    searchField(params),
    h("details", { open: WIDE.matches || used.length > 0 },
      h("summary", null, `${t("filter")} · ${t("export")}`),
      h("div", null, fields, h("p", { class: "buttons" },
        used.length > 0 && h("a", { class: "button", href: location.pathname }, t("clear")),
        exportLink(params, name)))));
}

function bar(params, name) {
  const sort = h("label", null, h("span", null, t("sort")),
    h("select", { id: "f-sort", value: params.get("sort") ?? "state",
      onchange: (event) => go(params, { sort: event.target.value }) },
    h("option", { value: "state" }, t("by_state")), h("option", { value: "name" }, t("by_name")),
    h("option", { value: "since" }, t("by_since")),
    name === "sites" && h("option", { value: "dark" }, t("by_dark"))));
  return filterForm(params, name,
    [select(params, "state", t("state"), [...STATES, ...APART], t), ...placeFilters(params), sort]);
}

const list = (name, row) => ({
  title: () => t(name),
  load: ({ params }) => get(`/api/v1/${name}?${asked(params)}&limit=${LIMIT}`),
  view: (page, again, { params }) => [
    h("h1", null, t(name)),
    bar(params, name),
    page.items.length
      ? h("ul", { class: "rows" }, page.items.map(row))
      : card(null, h("p", null, t("nothing"))),
    pager(params, page),
  ],
});

export const devices = list("devices", deviceRow);
export const sites = list("sites", siteRow);
