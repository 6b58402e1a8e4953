import { byteSize } from "../words.js"

/** Ctrl+Enter starts, Enter in a line does not; what was pressed once is not pressed twice; too much is told at once. */
export class StartSubmit {
  #page
  #resting = new Map() // what a button held before it worked

  constructor(page) {
    this.#page = page
    page.addEventListener("keydown", (event) => this.#onKey(event))
    page.addEventListener("submit", (event) => this.#onSubmit(event))
    // The browser's Back may show the page as it was left: its buttons must rest again.
    addEventListener("pageshow", () => this.#rest())
    const problems = page.querySelector("[data-problems]")
    problems?.focus()
    page.addEventListener("click", (event) => this.#follow(event))
  }

  #onKey(event) {
    if (event.key !== "Enter") return
    const form = this.#page.querySelector("#start-form")
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault()
      form.requestSubmit(form.querySelector("[data-start-button]"))
    } else if (event.target.matches("input:not([type=submit])") && form.contains(event.target)) {
      event.preventDefault()
    }
  }

  #onSubmit(event) {
    if (this.#resting.size) {
      event.preventDefault()
      return
    }
    const form = event.target
    const most = Number(form.dataset.mostBytes)
    const size = sizeOf(form)
    if (size > most) {
      event.preventDefault()
      const note = form.querySelector("[data-too-large]")
      note.querySelector("span").textContent =
        `The form holds ${byteSize(size)}. At most ${byteSize(most)} can be sent: send less of it.`
      note.hidden = false
      return
    }
    const words = { start: "Starting", check: "Checking" }[event.submitter?.value]
    const button = form.querySelector(
      event.submitter?.value === "start" ? "[data-start-button]" : "[data-check-button]",
    )
    if (words) this.#work(button, words)
  }

  /** The width stays; the name says what is going on. */
  #work(button, words) {
    this.#resting.set(button, [...button.childNodes])
    button.style.minWidth = `${button.offsetWidth}px`
    button.setAttribute("aria-disabled", "true")
    const arc = document.querySelector("#start-form [data-working]").content.firstElementChild.cloneNode(true)
    button.replaceChildren(arc, words)
  }

  #rest() {
    for (const [button, nodes] of this.#resting) {
      button.replaceChildren(...nodes)
      button.removeAttribute("aria-disabled")
    }
    this.#resting.clear()
  }

  /** A link of the error summary leads into the field, also one that is folded away. */
  #follow(event) {
    const link = event.target.closest("[data-problems] a")
    const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)))
    if (!target) return
    event.preventDefault()
    for (let around = target.closest("details"); around; around = around.parentElement.closest("details")) {
      around.open = true
    }
    const control = target.matches("input, select, textarea")
      ? target
      : (target.querySelector("input, select") ?? target)
    control.focus()
    control.scrollIntoView({ block: "center" })
  }
}

function sizeOf(form) {
  const encoder = new TextEncoder()
  let size = 0
  for (const [name, value] of new FormData(form)) {
    size += name.length + 90 + (typeof value === "string" ? encoder.encode(value).length : value.size) // 90: multipart's own
  }
  return size
}
