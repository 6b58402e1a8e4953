const WAIT_MS = 800 // after the last key
const MOST_CHARACTERS = 1_000_000 // a browser keeps about five times that for the whole console
const NEVER_KEPT = new Set(["csrfmiddlewaretoken"])

/** Keeps what is typed in this browser, per person and workflow; secrets are never kept. The server draws it again. */
export class FormDraft {
  #page
  #key
  #timer

  constructor(page) {
    this.#page = page
    this.#key = `draft:${page.dataset.draftKey}`
    page.addEventListener("input", () => this.#soon())
    page.addEventListener("change", () => this.#soon())
    page.addEventListener("submit", () => this.#save())
    addEventListener("pagehide", () => this.#flush())
  }

  /** Show the draft, unless the page came with contents of its own or its run was started. */
  async restore() {
    const draft = this.#read()
    if (!draft) return
    if (this.#page.hasAttribute("data-draft-keep")) {
      const key = draft.entries.find(([name]) => name === "start_key")?.[1]
      if (key === this.#form.elements.start_key.value) this.#tell(`Draft saved ${clock(draft.at)}`)
      return
    }
    const body = new FormData()
    for (const [name, value] of draft.entries) body.append(name, value)
    body.append("csrfmiddlewaretoken", this.#form.elements.csrfmiddlewaretoken.value)
    body.append("act", "draft")
    const answer = await fetch(this.#form.action, { method: "POST", body, headers: { "HX-Request": "true" } })
    if (answer.status === 204) {
      localStorage.removeItem(this.#key) // it was sent: the next run begins with an empty form
    } else if (answer.status === 200 || answer.status === 422) {
      this.#redraw(await answer.text())
      this.#tell(`Draft of ${clock(draft.at)}`, true)
    }
  }

  get #form() {
    return this.#page.querySelector("#start-form")
  }

  #redraw(markup) {
    this.#form.replaceWith(document.createRange().createContextualFragment(markup))
    globalThis.htmx?.process(this.#form)
    this.#page.dispatchEvent(new Event("start:redrawn"))
  }

  #soon() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#save(), WAIT_MS)
  }

  #flush() {
    if (this.#timer) this.#save()
  }

  #save() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#form.querySelector("textarea[data-json-editor][data-secret]")) {
      localStorage.removeItem(this.#key)
      this.#tell("No draft is kept of JSON that may hold secrets")
      return
    }
    const secrets = new Set([...this.#form.querySelectorAll("[data-secret]")].map((control) => control.name))
    const entries = [...new FormData(this.#form)].filter(
      ([name, value]) => typeof value === "string" && !NEVER_KEPT.has(name) && !secrets.has(name),
    )
    const at = Date.now()
    const text = JSON.stringify({ at, entries })
    try {
      if (text.length > MOST_CHARACTERS) throw new RangeError("too large")
      localStorage.setItem(this.#key, text)
      this.#tell(`Draft saved ${clock(at)}`)
    } catch {
      localStorage.removeItem(this.#key)
      this.#tell("Too large for a draft")
    }
  }

  #read() {
    try {
      const draft = JSON.parse(localStorage.getItem(this.#key))
      return Array.isArray(draft?.entries) ? draft : null
    } catch {
      return null
    }
  }

  #tell(words, discardable = false) {
    const note = document.querySelector("[data-draft-note]")
    note.hidden = false
    note.textContent = words
    if (!discardable) return
    const discard = document.createElement("button")
    discard.type = "button"
    discard.className = "wf-link"
    discard.textContent = "Discard it"
    discard.addEventListener("click", () => {
      localStorage.removeItem(this.#key)
      location.reload()
    })
    note.append(", ", discard)
  }
}

function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
}
