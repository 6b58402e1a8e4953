/** Wires the start page. Everything here is comfort: without scripts each button posts the form, and it is drawn again. */

import { CommandFollower } from "./form/command_panel.js"
import { FormDraft } from "./form/draft.js"
import { Touch } from "./form/entries.js"
import { FileText } from "./form/file_text.js"
import { FormHistory } from "./form/history.js"
import { startJsonEditors } from "./form/json_tab.js"
import { OptionsSummary } from "./form/options_summary.js"
import { RowLists } from "./form/row_lists.js"
import { StartSubmit } from "./form/start_submit.js"
import { TagChips } from "./form/tag_chips.js"
import { TracePaste } from "./form/trace_paste.js"

const page = document.querySelector("[data-start]")

// They listen on the page around the form, which stays when htmx swaps the form.
const draft = new FormDraft(page)
const entry = new FormHistory(page)
for (const Behaviour of [RowLists, TagChips, FileText, OptionsSummary, TracePaste, StartSubmit, CommandFollower]) {
  new Behaviour(page)
}
startJsonEditors(page)
for (const event of ["toggle", "change"]) page.addEventListener(event, () => startJsonEditors(page), true)
document.addEventListener("htmx:after:swap", () => startJsonEditors(page))
page.addEventListener("form:redrawn", () => startJsonEditors(page))
// What is typed while the server turns form and JSON into each other would be lost with the form that goes.
document.addEventListener("htmx:before:request", ({ target }) => rest(target, true))
document.addEventListener("htmx:finally:request", ({ target }) => rest(target, false))
function rest(button, inert) {
  if (button.matches?.("#start-form [hx-target]")) page.querySelector("#start-form").inert = inert
}

const touch = new Touch(page)
if (!(await entry.restore(touch))) await draft.restore(touch)
