// Keeps what was read last, for when the network is away. While the network answers, nobody sees anything out of here.
// A page is kept when it asks for it (offline.js), so what lies here is only what somebody has read on this device.

const scope = new URL(registration.scope).pathname;
const prefix = `status page ${scope} `; // a host may hold several of us, each below a path of its own
const PAGES = `${prefix}pages 1`;
const ASSETS = `${prefix}assets 1`;
const MOST_PAGES = 30;
const MOST_ASSETS = 60;
// A server that hangs is away: soon for who has a copy at hand, late for who has none.
const PATIENCE = 4_000;
const LAST_PATIENCE = 20_000;
const DAY = 86_400_000;
const OTHERS = ["admin", "subscribe", "static"];

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(Promise.all([forgetOlderForms(), clients.claim()])));
addEventListener("message", (event) => event.waitUntil(keepRead(event.data)));
// Where nothing can be kept (a full disk), everything is as it is without us.
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith(scope)) return;
  const below = url.pathname.slice(scope.length);
  const isReading = request.mode === "navigate" && isPage(below);
  if (below.startsWith("assets/")) event.respondWith(asset(request).catch(() => fetch(request)));
  else if (isReading) event.respondWith(page(request, url).catch(() => fetch(request)));
});

// Feeds and data have an ending, pages have none.
function isPage(below) {
  return !OTHERS.includes(below.split("/")[0]) && !below.split("/").pop().includes(".");
}

function keyOf(url) {
  return url.origin + (url.pathname.replace(/\/+$/, "") || "/");
}

async function forgetOlderForms() {
  const names = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== PAGES && name !== ASSETS);
  await Promise.all(names.map((name) => caches.delete(name)));
}

// What is under a checksum never changes.
async function asset(request) {
  return (await caches.match(request, { cacheName: ASSETS, ignoreVary: true })) ?? fetch(request);
}

async function page(request, url) {
  const pages = await caches.open(PAGES);
  const kept = await pages.match(keyOf(url), { ignoreVary: true });
  const answer = await within(kept ? PATIENCE : LAST_PATIENCE, fetch(request)).catch(() => null);
  if (kept && answer?.status === 404) await pages.delete(keyOf(url));
  if (answer && (answer.status < 500 || !kept)) return answer;
  return kept ? asOld(kept) : ((await notKept(pages, url)) ?? Response.error());
}

function within(milliseconds, promise) {
  const tooLate = new Promise((_resolve, reject) => setTimeout(reject, milliseconds, new Error("too late")));
  return Promise.race([promise, tooLate]);
}

// The page itself says how old it is: in its own language, by offline.js.
async function asOld(kept) {
  const text = await kept.text();
  const marked = text.replace("<body", `<body data-kept="${kept.headers.get("x-kept-at")}"`);
  return new Response(marked, { headers: kept.headers });
}

// The page for what was never read here, in the language of the address where there is one.
async function notKept(pages, url) {
  const all = (await pages.keys()).map((request) => request.url);
  const addresses = all.filter((address) => address.endsWith("/offline"));
  const near = addresses.filter((address) => url.href.startsWith(address.slice(0, -"offline".length)));
  const best = near.sort((a, b) => b.length - a.length)[0] ?? addresses[0];
  return best && pages.match(best, { ignoreVary: true });
}

// `read` was read just now: the browser has it still. Home goes with it, as it is now, and the page for what is not
// kept.
async function keepRead({ read, home, offline }) {
  const pages = await caches.open(PAGES);
  await keep(pages, read, "force-cache");
  if (keyOf(new URL(home)) !== keyOf(new URL(read))) await keep(pages, home, "no-cache");
  const spare = await pages.match(keyOf(new URL(offline)), { ignoreVary: true });
  if (!spare || Date.now() - new Date(spare.headers.get("x-kept-at")) > DAY) await keep(pages, offline, "no-cache");
  await trim(pages, MOST_PAGES, [home, offline].map((address) => keyOf(new URL(address))));
  await trim(await caches.open(ASSETS), MOST_ASSETS, []);
}

async function keep(pages, address, cache) {
  const answer = await fetch(address, { cache });
  if (!answer.ok || !answer.headers.get("content-type")?.startsWith("text/html")) return;
  const headers = new Headers(answer.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  headers.set("x-kept-at", new Date(answer.headers.get("date") ?? Date.now()).toISOString());
  const text = await answer.text();
  await keepAssets(text);
  await pages.put(keyOf(new URL(address)), new Response(text, { headers }));
}

// With all that they import: a script asks for others by their plain neighbour's name.
async function keepAssets(text, of = null) {
  const found = of
    ? [...text.matchAll(/ from "(\.\/[\w.-]+\.js)";/g)].map(([, name]) => new URL(name, of).href)
    : [...text.matchAll(/\s(?:href|src)="([^"]*\/assets\/[^"]+)"/g)].map(([, path]) => new URL(path, location).href);
  const assets = await caches.open(ASSETS);
  for (const address of found) {
    if (await assets.match(address, { ignoreVary: true })) continue;
    const answer = await fetch(address);
    if (!answer.ok) continue;
    const body = await answer.blob(); // a body that stops half-way would hold up all who look into the cache
    if (address.endsWith(".js")) await keepAssets(await body.text(), address);
    await assets.put(address, new Response(body, { headers: { "content-type": answer.headers.get("content-type") } }));
  }
}

// The oldest go first: what is put again stands last.
async function trim(cache, most, stay) {
  const requests = (await cache.keys()).filter((request) => !stay.includes(request.url));
  await Promise.all(requests.slice(0, -most).map((request) => cache.delete(request)));
}
