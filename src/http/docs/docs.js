// The reference: Swagger UI over the document that this server serves, with requests to this server alone.

const base = new URL(".", location.href);
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

/** Behind a proxy that strips a path the document's paths begin at the server; the browser's begin with that path. */
function below(request) {
  const url = new URL(request.url, location.href);
  if (url.origin === base.origin && !url.pathname.startsWith(base.pathname)) {
    url.pathname = base.pathname + url.pathname.slice(1);
    request.url = url.href;
  }
  return request;
}

SwaggerUIBundle({
  url: new URL("openapi.yaml", base).href,
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  requestInterceptor: below,
  // No other server is asked whether the document is valid.
  validatorUrl: null,
});
