const NEVER_KEPT = new Set(["csrfmiddlewaretoken"])
export const MOST_CHARACTERS = 1_000_000 // a browser keeps about five times that for the whole console

/** What was typed into a form, without its secrets and files; null for JSON that may hold secrets. */
export function entriesOf(form) {
  if (form.querySelector("textarea[data-json-editor][data-secret]")) return null
  const secrets = new Set([...form.querySelectorAll("[data-secret]")].map((control) => control.name))
  return [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !NEVER_KEPT.has(name) && !secrets.has(name),
  )
}

/** Ask the server for the form with these entries in it. `back`: also when they were sent already. */
export function drawn(form, entries, { back = false } = {}) {
  const body = new FormData()
  for (const [name, value] of entries) body.append(name, value)
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value)
  body.append("act", "draft")
  if (back) body.append("back_again", "1")
  return fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } })
}

/** Put the server's form, alone or within its page, in the place of this one; a chosen file stays chosen. */
export function replaceForm(form, markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html").getElementById(form.id)
  if (!fresh) return
  for (const input of form.querySelectorAll("input[type=file]")) {
    const twin = input.files.length && [...fresh.elements].find((control) => control.name === input.name)
    if (twin) twin.files = input.files
  }
  form.replaceWith(document.adoptNode(fresh))
  globalThis.htmx?.process(fresh)
  fresh.dispatchEvent(new Event("form:redrawn", { bubbles: true }))
}

/** Tells whether a person has begun: typed, chosen, or only stepped into a field, also before the scripts ran. */
export class Touch {
  #is

  constructor(page) {
    const controls = [...page.querySelectorAll("form[method=post]")].flatMap((form) => [...form.elements])
    // After Back the browser itself has put some values in.
    this.#is = (!isBack() && controls.some(isChanged)) || controls.includes(document.activeElement)
    const touch = () => {
      this.#is = true
    }
    for (const event of ["input", "change", "focusin"]) {
      page.addEventListener(event, touch, { once: true, capture: true })
    }
  }

  get is() {
    return this.#is
  }
}

/** Whether the page was reached by the browser's Back or Forward. */
export function isBack() {
  return performance.getEntriesByType("navigation")[0]?.type === "back_forward"
}

function isChanged(control) {
  if (control.type === "file") return control.files.length > 0
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked
  if (control.tagName === "SELECT") {
    const first = [...control.options].findIndex((option) => option.defaultSelected)
    return control.selectedIndex !== Math.max(first, Math.min(0, control.options.length - 1))
  }
  return "defaultValue" in control && control.type !== "hidden" && control.value !== control.defaultValue
}
