const FOLDER = new URL("../../vendor/ace/", import.meta.url)
const MOST_CHARACTERS = 262_144 // above it the plain text area is quicker
const MIN_LINES = 8
const MAX_LINES = 28

let loading // Ace itself: only who opens a JSON tab waits for it
const open = new Set()

/** Put an editor over each text area for JSON below `root`. Without it, or until it is there, the text area serves. */
export function startJsonEditors(root) {
  for (const editor of open) editor.closeIfGone()
  for (const area of root.querySelectorAll("textarea[data-json-editor]:not([data-ace])")) {
    if (area.value.length > MOST_CHARACTERS || !area.checkVisibility()) continue // a folded one when it is opened
    area.dataset.ace = "loading"
    loadAce().then(
      (ace) => {
        if (area.isConnected) open.add(new JsonEditor(ace, area))
      },
      () => area.removeAttribute("data-ace"),
    )
  }
}

/** Ace over one text area, which stays what is sent. */
class JsonEditor {
  #ace
  #area
  #editor

  constructor(ace, area) {
    this.#ace = ace
    this.#area = area
    const box = document.createElement("div")
    box.className = `wf-ace${area.classList.contains("is-invalid") ? " is-invalid" : ""}`
    area.before(box)
    area.parentElement.classList.add("has-ace")
    this.#editor = this.#make(box)
    area.tabIndex = -1
    area.addEventListener("focus", () => this.#editor.focus())
    const { line, column } = area.dataset
    if (line) {
      this.#editor.gotoLine(Number(line), Number(column) - 1)
      this.#editor.focus()
    }
  }

  #make(box) {
    const editor = this.#ace.edit(box, {
      mode: "ace/mode/json",
      value: this.#area.value,
      minLines: Math.min(MIN_LINES, this.#area.rows),
      maxLines: MAX_LINES,
      tabSize: 2,
      useSoftTabs: true,
      showPrintMargin: false,
      fontSize: 12,
      enableKeyboardAccessibility: true,
      useWorker: true,
    })
    editor.setTheme({ cssClass: "ace-wf", isDark: false })
    editor.textInput.getElement().setAttribute("aria-label", this.#area.getAttribute("aria-label"))
    editor.session.on("change", () => {
      this.#area.value = editor.getValue()
      this.#area.dispatchEvent(new Event("input", { bubbles: true }))
    })
    return editor
  }

  closeIfGone() {
    if (this.#area.isConnected) return
    this.#editor.destroy() // ends its worker
    open.delete(this)
  }
}

function loadAce() {
  loading ??= new Promise((resolve, reject) => {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("ace.css", FOLDER) })
    const script = Object.assign(document.createElement("script"), { src: new URL("ace.js", FOLDER) })
    script.onload = () => resolve(configured(globalThis.ace))
    script.onerror = reject
    document.head.append(style, script)
  })
  return loading
}

function configured(ace) {
  ace.config.set("useStrictCSP", true) // its style sheets are files, not inline
  ace.config.set("basePath", FOLDER.href.replace(/\/$/, ""))
  ace.config.set("loadWorkerFromBlob", false)
  return ace
}
