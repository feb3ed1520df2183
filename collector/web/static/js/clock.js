// Domain time: the server's, running on at its scale; a wrong clock of the phone changes nothing.
// Everything shown is China Standard Time.

// Without the server the last word of it, kept with this machine's clock, must do.

const KEPT = "wanglou.clock";
const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
let scale = kept?.scale ?? 1;
let base = kept ? kept.now + (Date.now() - kept.wall) * scale : Date.now();
let mark = performance.now();
let saved = -Infinity;

export function setClock(nowMs, by) {
  base = nowMs;
  mark = performance.now();
  scale = by || 1;
  if (mark - saved < 5000) return;
  saved = mark;
  localStorage.setItem(KEPT, JSON.stringify({ now: nowMs, wall: Date.now(), scale }));
}

export const now = () => Math.round(base + (performance.now() - mark) * scale);

const two = (n) => String(n).padStart(2, "0");

export function parts(ms) {
  const at = new Date(ms + 8 * 3600e3);
  return {
    day: `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`,
    time: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`,
  };
}

// 19:22:30 today, else 11-22 19:22.
export function stamp(ms) {
  if (ms === null || ms === undefined) return "–";
  const at = parts(ms);
  return at.day === parts(now()).day ? at.time : `${at.day.slice(5)} ${at.time.slice(0, 5)}`;
}

export function span(ms, lang) {
  const s = Math.max(0, Math.round(ms / 1000));
  const units = lang === "zh" ? ["秒", "分钟", "小时", "天"] : [" s", " min", " h", " d"];
  if (s < 90) return `${s}${units[0]}`;
  if (s < 5400) return `${Math.round(s / 60)}${units[1]}`;
  if (s < 172800) return `${Math.round(s / 3600)}${units[2]}`;
  return `${Math.round(s / 86400)}${units[3]}`;
}
