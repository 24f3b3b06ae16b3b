addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  event.respondWith(new Response(`JavaScript ${url.pathname}${url.search}\n`, { headers: { "content-type": "text/plain" } }));
});
