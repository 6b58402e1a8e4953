/** Wires forms of answers. All is comfort: without scripts each button posts the form, and it is drawn anew. */

import { Touch } from "./form/entries.js"
import { FormHistory } from "./form/history.js"
import { startJsonEditors } from "./form/json_tab.js"
import { RowLists } from "./form/row_lists.js"

const page = document.querySelector("[data-answers]")

if (page) {
  new RowLists(page)
  const entry = new FormHistory(page)
  startJsonEditors(page)
  page.addEventListener("form:redrawn", () => startJsonEditors(page))
  page.querySelector("[data-problems]")?.focus()
  document.addEventListener("htmx:after:swap", () => startJsonEditors(page))
  // A second press while the first one is under way would be a second answer.
  page.addEventListener("submit", (event) => {
    const form = event.target
    if (form.dataset.sent) event.preventDefault()
    else form.dataset.sent = "yes"
  })
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return
    for (const form of page.querySelectorAll("form[data-sent]")) delete form.dataset.sent
  })
  entry.restore(new Touch(page))
}
