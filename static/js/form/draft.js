import { drawn, entriesOf, MOST_CHARACTERS, replaceForm } from "./entries.js"

const WAIT_MS = 800 // after the last key

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

  /** Show the draft, unless its run was started, or the page came with contents of its own. Who has begun is asked. */
  async restore(touch) {
    const draft = this.#read()
    if (!draft) return
    if (this.#page.hasAttribute("data-draft-keep")) {
      const key = draft.entries.find(([name]) => name === "start_key")?.[1]
      if (key === this.#form.elements.start_key.value) this.#say(`Draft saved ${clock(draft.at)}`)
      return
    }
    const answer = await drawn(this.#form, draft.entries)
    if (answer.status === 204) {
      // It was sent: the next run begins with an empty form.
      if (this.#read()?.at === draft.at) localStorage.removeItem(this.#key)
    } else if (answer.status === 200 || answer.status === 422) {
      const markup = await answer.text()
      if (touch.is) this.#offer(draft, markup)
      else this.#show(draft, markup)
    }
  }

  get #form() {
    return this.#page.querySelector("#start-form")
  }

  #show(draft, markup) {
    replaceForm(this.#form, markup)
    this.#say(`Draft of ${clock(draft.at)}`, ["Discard it", () => this.#discard()])
  }

  /** What a person has begun stays; the draft takes its place only when they say so. */
  #offer(draft, markup) {
    this.#say(`There is a draft of ${clock(draft.at)}`, ["Put it in", () => this.#show(draft, markup)])
  }

  #discard() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    localStorage.removeItem(this.#key)
    location.reload()
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
    const entries = entriesOf(this.#form)
    if (!entries) {
      localStorage.removeItem(this.#key)
      this.#say("No draft is kept of JSON that may hold secrets")
      return
    }
    const at = Date.now()
    const text = JSON.stringify({ at, entries })
    try {
      if (text.length > MOST_CHARACTERS) throw new RangeError("too large")
      localStorage.setItem(this.#key, text)
      if (!this.#offers) this.#say(`Draft saved ${clock(at)}`)
    } catch {
      localStorage.removeItem(this.#key)
      this.#say("Too large for a draft")
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

  get #note() {
    return document.querySelector("[data-draft-note]")
  }

  /** Whether an earlier draft can still be put in: a word on saving does not take its place. */
  get #offers() {
    return this.#note.textContent.startsWith("There is a draft")
  }

  #say(words, [label, act] = []) {
    const note = this.#note
    note.hidden = false
    note.textContent = words
    if (!label) return
    const button = document.createElement("button")
    button.type = "button"
    button.className = "wf-link"
    button.textContent = label
    button.addEventListener("click", act)
    note.append(", ", button)
  }
}

function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
}
