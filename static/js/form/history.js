import { drawn, entriesOf, isBack, MOST_CHARACTERS, replaceForm } from "./entries.js"

const WAIT_MS = 300 // after the last key

/**
 * Keeps what is typed into the forms of a page with the page's entry in the browser's history, so that Back shows it.
 * An entry whose page was an answer to a POST becomes one that Back can open without sending the form again.
 */
export class FormHistory {
  #page
  #timer
  #changed = new Set() // ids of forms

  constructor(page) {
    this.#page = page
    for (const event of ["input", "change"]) page.addEventListener(event, ({ target }) => this.#soon(target))
    page.addEventListener("submit", ({ target }) => this.#now(target), true)
    document.addEventListener("htmx:after:swap", ({ target }) => this.#soon(target))
    addEventListener("pagehide", () => this.#timer && this.#save())
    for (const form of page.querySelectorAll("form[data-returned]")) this.#now(form)
  }

  /** Show what was typed when this entry was left, unless a person is faster. Whether there was something to show. */
  async restore(touch) {
    const forms = isBack() ? (history.state?.forms ?? {}) : {}
    let found = false
    for (const [id, entries] of Object.entries(forms)) {
      const form = document.getElementById(id)
      if (!form || !this.#page.contains(form)) continue
      found = true
      this.#changed.add(id)
      const answer = await drawn(form, entries, { back: true })
      if ((answer.status === 200 || answer.status === 422) && form.isConnected && !touch.is) {
        replaceForm(form, await answer.text())
      }
    }
    return found
  }

  #soon(target) {
    this.#note(target)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#save(), WAIT_MS)
  }

  #now(target) {
    this.#note(target)
    this.#save()
  }

  #note(target) {
    const form = target.form ?? target.closest?.("form")
    if (form?.id && form.method === "post" && this.#page.contains(form)) this.#changed.add(form.id)
  }

  #save() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const forms = {}
    let size = 0
    for (const id of this.#changed) {
      const form = document.getElementById(id)
      const entries = form && entriesOf(form)
      size += entries ? JSON.stringify(entries).length : 0
      if (entries && size <= MOST_CHARACTERS) forms[id] = entries
    }
    history.replaceState({ ...history.state, forms }, "", location.href)
  }
}
