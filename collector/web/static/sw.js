// The server puts VERSION and SHELL (the static files) above this line.
// With the server gone the last answers are shown, marked with X-Wanglou-Saved.

const FILES = `wanglou-files-${VERSION}`;
const ANSWERS = "wanglou-answers";
const MOST = 80;
const WAIT_MS = 6000;
const PASS = ["/api/v1/events", "/api/v1/export/", "/api/v1/drill/", "/healthz", "/text"];

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const files = await caches.open(FILES);
    await files.addAll(["/", ...SHELL].map((url) => new Request(url, { cache: "no-cache" })));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name !== FILES && name !== ANSWERS) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (PASS.some((path) => url.pathname.startsWith(path))) return;
  if (url.pathname.startsWith("/api/v1/")) event.respondWith(answer(event));
  else if (event.request.mode === "navigate") event.respondWith(file(event, "/"));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(event, url.pathname));
});

// One version's files stay together: from its own cache first.
async function file(event, path) {
  const files = await caches.open(FILES);
  const saved = await files.match(path);
  if (saved) return saved;
  const fresh = await fetch(event.request);
  if (fresh.ok && path !== "/") event.waitUntil(files.put(path, fresh.clone()));
  return fresh;
}

async function answer(event) {
  const answers = await caches.open(ANSWERS);
  try {
    const fresh = await fetch(event.request, { signal: AbortSignal.timeout(WAIT_MS) });
    if (fresh.ok) event.waitUntil(keep(answers, event.request, fresh.clone()));
    return fresh;
  } catch {
    const saved = await answers.match(event.request);
    if (!saved) return new Response("null", { status: 504 });
    const headers = new Headers(saved.headers);
    headers.set("X-Wanglou-Saved", "1");
    return new Response(saved.body, { status: 200, headers });
  }
}

async function keep(answers, request, response) {
  await answers.put(request, response);
  const keys = await answers.keys();
  for (const old of keys.slice(0, Math.max(0, keys.length - MOST))) await answers.delete(old);
}
