/** Wires the pages on definitions. Everything here is comfort: without scripts the text area and the form serve. */

import { startCopyButtons } from "./copy_button.js"
import { startJsonEditors } from "./form/json_tab.js"
import { startTimes } from "./times.js"

/** Links of findings lead to their line, in the editor or in the text area under it. */
class LineLinks {
  constructor(root, area) {
    root.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-line]")
      if (!link) return
      event.preventDefault()
      this.#show(area, Number(link.dataset.line), Number(link.dataset.column) || 1)
    })
  }

  #show(area, line, column) {
    const editor = area.parentElement.querySelector(".wf-ace")?.env?.editor
    if (editor) {
      editor.gotoLine(line, column - 1)
      editor.focus()
      return
    }
    const lines = area.value.split("\n")
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0)
    area.focus()
    area.setSelectionRange(start, start + (lines[line - 1] ?? "").length)
  }
}

/** A chosen file is shown at once in the editor, so that what is saved can be seen. */
class FileIntoEditor {
  constructor(input, area) {
    input.addEventListener("change", async () => {
      const [file] = input.files
      if (!file) return
      let text
      try {
        text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer())
      } catch {
        input.value = ""
        input.setCustomValidity(`${file.name} is not UTF-8 text. Save it as UTF-8, or paste its text.`)
        input.reportValidity()
        input.setCustomValidity("") // or the form could not be sent
        return
      }
      const editor = area.parentElement.querySelector(".wf-ace")?.env?.editor
      if (editor) editor.setValue(text, -1)
      else area.value = text
      input.value = "" // the text is what is sent
    })
  }
}

const area = document.getElementById("id_text")
if (area) {
  new LineLinks(document, area)
  const input = document.getElementById("id_file")
  if (input) new FileIntoEditor(input, area)
}
document.querySelector("[data-findings]")?.focus()
startCopyButtons(document)
startTimes(document)
startJsonEditors(document)
