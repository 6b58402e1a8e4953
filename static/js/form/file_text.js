import { byteSize, grouped } from "../words.js"

const LARGE_CHARACTERS = 262_144 // as in runs/forms/schema/fields.py: more is folded away, as its layout takes seconds
const LARGE_LINES = 10_000

/** Reads a chosen file's text into the text area beside it, where it can be seen and changed before it is sent. */
export class FileText {
  constructor(page) {
    page.addEventListener("change", (event) => {
      const box = event.target.closest("[data-file-of]")
      if (box && event.target.type === "file" && event.target.files.length) this.#read(box, event.target)
    })
  }

  async #read(box, input) {
    const file = input.files[0]
    const note = box.querySelector("[data-file-note]")
    const most = Number(input.form.dataset.mostBytes)
    if (file.size > most) {
      note.textContent = `${file.name} has ${byteSize(file.size)}; at most ${byteSize(most)} can be sent`
      input.value = ""
      return
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer())
      const area = document.getElementById(box.dataset.fileOf)
      fold(area.closest(".wf-large"), text, file.size)
      area.value = text
      area.dispatchEvent(new Event("input", { bubbles: true }))
      note.textContent = `${file.name}, ${byteSize(file.size)}`
      input.value = "" // its text is in the field now; the file is not sent as well
    } catch {
      note.textContent = `${file.name} is not UTF-8 text. Save it as UTF-8, or paste its text`
      input.value = ""
    }
  }
}

/** A large text is there without being shown: its summary tells its size, and opens it for who wants to see it. */
function fold(details, text, bytes) {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0)
  const large = text.length > LARGE_CHARACTERS || lines > LARGE_LINES
  details.open = !large
  details.classList.toggle("is-large", large)
  details.querySelector("[data-size-words]").textContent = `${byteSize(bytes)}, ${grouped(lines)} lines`
}
