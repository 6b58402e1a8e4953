import { byteSize } from "./words.js"

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
