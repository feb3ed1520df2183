// The 24 h chart. uPlot is fetched only when a chart is shown; beside it stand figures in words.

import { now, parts } from "./clock.js";
import { h } from "./dom.js";
import { language, t } from "./i18n.js";
import { card } from "./parts.js";

let loading = null;
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "/static/vendor/uPlot.iife.min.js" });
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { loading = null; reject(new Error("uPlot")); };
    document.head.append(h("link", { rel: "stylesheet", href: "/static/vendor/uPlot.min.css" }),
      script);
  });
  return loading;
}

const shown = { device: null, line: 0 };

const short = (value) => {
  if (value === null || value === undefined) return "–";
  const [by, unit] = Math.abs(value) >= 1e9 ? [1e9, "G"] : Math.abs(value) >= 1e6 ? [1e6, "M"]
    : Math.abs(value) >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / by).toPrecision(4))}${unit}`;
};

const name = (line) => [line.metric, line.instance].filter(Boolean).join(" ");

export function chart(device, series, again) {
  if (!series?.lines.length) return card(t("chart"), h("p", { class: "muted" }, t("no_series")));
  if (shown.device !== device) { shown.device = device; shown.line = 0; }
  const line = series.lines[shown.line] ?? series.lines[0];
  const values = line.values.filter((value) => value !== null);
  const box = h("div", { class: "chart", id: "chart", "data-keep": "chart", role: "img" });
  const figures = [["min", Math.min(...values)], ["max", Math.max(...values)],
    ["last", line.values.findLast((value) => value !== null)]];
  const pick = h("select", { id: "line", value: String(shown.line), onchange: (event) => {
    shown.line = Number(event.target.value);
    again(true);
  } }, series.lines.map((one, n) =>
    h("option", { value: n, selected: n === shown.line }, name(one))));
  queueMicrotask(() => requestAnimationFrame(() => draw(series)));
  return card(t("chart"),
    h("label", { class: "inline" }, h("span", null, t("choose_line")), pick),
    box,
    h("p", { class: "figures", id: "figures" }, values.length
      ? figures.map(([word, value]) => h("span", null, `${t(word)} `,
          h("strong", null, `${short(value)} ${line.unit}`)))
      : t("no_series")));
}

let plot = null;
async function draw(series) {
  const box = document.getElementById("chart");
  if (!box) return;
  const Plot = await library().catch(() => null);
  if (!Plot || !box.isConnected) return;
  const line = series.lines[shown.line] ?? series.lines[0];
  box.setAttribute("aria-label", `${t("chart")} ${name(line)}`);
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--muted").trim();
  const rule = style.getPropertyValue("--rule").trim();
  const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule },
    font: "12px system-ui" };
  const clock = (_, ticks) => ticks.map((s) => parts(s * 1000).time.slice(0, 5));
  const data = [series.at_ms.map((ms) => ms / 1000), line.values];
  const key = JSON.stringify([language(), line.metric, line.instance, box.clientWidth, ink]);
  if (plot && plot.root.parentNode === box && plot.key === key) {
    plot.setData(data);
    return;
  }
  plot?.destroy();
  box.replaceChildren();
  plot = new Plot({
    width: box.clientWidth, height: 220, legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: true, range: () => [(now() - 86400e3) / 1000, now() / 1000] } },
    axes: [{ ...axis, values: clock, space: 60 },
      { ...axis, size: 52, values: (_, ticks) => ticks.map(short) }],
    series: [{}, { label: name(line), stroke: style.getPropertyValue("--link").trim(), width: 2,
      points: { show: false }, spanGaps: false }],
  }, data, box);
  plot.key = key;
}
