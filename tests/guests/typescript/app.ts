interface Answer {
  readonly path: string;
  readonly query: string;
}

function describe(request: Request): Answer {
  const url = new URL(request.url);
  return { path: url.pathname, query: url.search };
}

addEventListener("fetch", (event) => {
  const fetched = event as unknown as { request: Request; respondWith(answer: Response): void };
  const { path, query } = describe(fetched.request);
  fetched.respondWith(new Response(`TypeScript ${path}${query}\n`, { headers: { "content-type": "text/plain" } }));
});
