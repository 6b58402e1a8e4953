const TRACEPARENT = /^(?:traceparent\s*[:=]\s*)?["']?(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/i

/** A pasted traceparent fills the two ids at once. What is none stays, and the server says why. */
export class TracePaste {
  constructor(page) {
    page.addEventListener("input", (event) => {
      const field = event.target.closest("[data-traceparent]")
      const ids = field && TRACEPARENT.exec(field.value.trim())
      if (ids) this.#fill(field, ids)
    })
    page.addEventListener(
      "toggle",
      (event) => {
        if (event.target.matches?.(".wf-paste[open]")) event.target.querySelector("[data-traceparent]").focus()
      },
      true,
    )
  }

  #fill(field, [, traceId, spanId]) {
    const form = field.form
    form.elements.trace_id.value = traceId
    form.elements.parent_span_id.value = spanId
    field.value = ""
    field.closest("details").open = false
    form.elements.trace_id.focus()
    form.dispatchEvent(new Event("change", { bubbles: true }))
  }
}
