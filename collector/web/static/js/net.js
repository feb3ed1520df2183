// Asking the server, hearing what changed, and knowing when it is gone.

import { setClock } from "./clock.js";

const SILENT_MS = 25000; // the stream says something every 10 s
const RETRY_MS = 3000;

// `asOf`: domain time of what is shown; `saved`: part of it is a saved copy.
// `live` is null until the server has been reached or not.
export const link = { live: null, asOf: null, since: null, saved: false,
  revision: null };
const listeners = new Set();
export const onLink = (call) => listeners.add(call);
const changes = new Set();
export const onChange = (call) => changes.add(call);

function setLive(live) {
  if (live === link.live) return;
  link.live = live;
  link.since = Date.now();
  for (const call of listeners) call(link);
}

// The answer as JSON. Throws {status, problem}; status 0 when the server cannot be reached.
// `stale` on the result: it is the saved copy of the service worker.
export async function get(path) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" } });
  } catch {
    setLive(false);
    throw { status: 0 };
  }
  const saved = response.headers.has("X-Wanglou-Saved");
  const stamp = Number(response.headers.get("X-Wanglou-Now"));
  if (stamp && !saved) setClock(stamp, Number(response.headers.get("X-Wanglou-Scale")));
  if (stamp) link.asOf = saved && link.saved ? Math.min(link.asOf, stamp) : stamp;
  if (saved) { link.saved = true; setLive(false); }
  if (!response.ok) {
    if (response.status === 504) setLive(false);
    throw { status: response.status, problem: await response.json().catch(() => null) };
  }
  const body = await response.json();
  if (body?.revision) link.revision = body.revision;
  return body;
}

export async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    setLive(false);
    throw { status: 0 };
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw { status: response.status, problem: answer };
  return answer;
}

let stream = null;
let heard = 0;

function hear(event, changed) {
  heard = performance.now();
  const data = JSON.parse(event.data);
  setClock(data.now_ms, data.scale);
  link.asOf = data.now_ms;
  link.saved = false;
  const back = link.live === false;
  setLive(true);
  const missed = data.revision !== link.revision && event.type === "hello";
  if (changed || back || missed) for (const call of changes) call(data.ids);
}

export function listen() {
  stream?.close();
  heard = performance.now();
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("hello", (event) => hear(event, false));
  stream.addEventListener("alive", (event) => hear(event, false));
  stream.addEventListener("change", (event) => hear(event, true));
  stream.onerror = () => setLive(false);
}

setInterval(() => {
  const silent = performance.now() - heard > SILENT_MS;
  if (silent) setLive(false);
  if (silent || stream?.readyState === EventSource.CLOSED) listen();
}, RETRY_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && performance.now() - heard > SILENT_MS) listen();
});
addEventListener("online", listen);
addEventListener("offline", () => setLive(false));
