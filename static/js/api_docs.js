/** Draws the OpenAPI document with Swagger UI, in place of the list of routes that the server has drawn. */
const place = document.querySelector("[data-openapi]")

if (place && window.SwaggerUIBundle) {
  const csrf = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? ""
  place.classList.add("is-live")
  place.replaceChildren()
  window.SwaggerUIBundle({
    url: place.dataset.openapi,
    domNode: place,
    deepLinking: true,
    validatorUrl: null, // nothing is sent elsewhere
    requestInterceptor: (request) => {
      request.headers["X-CSRFToken"] = csrf // what is tried is done in the name of who is signed in
      return request
    },
  })
}
