// Keeps the shell of the page (never an answer of the service, never media) so that the installed page opens at once.
const VERSION = __VERSION__;
const FILES = __FILES__;
const CACHE = `veriscope-shell-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n.startsWith("veriscope-shell-") && n !== CACHE).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  );
});

const shell = new Set(FILES.map((name) => new URL(name, self.registration.scope).href));

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  url.search = "";
  url.hash = "";
  if (request.method !== "GET" || !shell.has(url.href)) return; // the service answers for itself
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(url.href)));
    return;
  }
  // Built files carry their hash in the name: the copy is always the right one.
  event.respondWith(caches.match(url.href).then((kept) => kept ?? fetch(request)));
});
