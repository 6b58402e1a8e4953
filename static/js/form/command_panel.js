const MOST_CHARACTERS = 262_144 // larger forms are not sent on each change

/** Tells the command panel that the form has changed; htmx then asks for the commands, a moment later. */
export class CommandFollower {
  #page

  constructor(page) {
    this.#page = page
    page.addEventListener("input", (event) => this.#tell(event))
    page.addEventListener("change", (event) => this.#tell(event))
    page.addEventListener("form:redrawn", () => this.#announce())
    document.addEventListener("htmx:after:swap", (event) => {
      if (event.target?.id === "start-form") this.#announce()
    })
  }

  #tell(event) {
    if (event.target.closest("form, [data-row]")?.closest("#start-form") || event.target.id === "start-form") {
      this.#announce()
    }
  }

  #announce() {
    const texts = [...this.#page.querySelectorAll("#start-form textarea")]
    const size = texts.reduce((sum, area) => sum + area.value.length, 0)
    if (size <= MOST_CHARACTERS) document.body.dispatchEvent(new Event("startchanged"))
  }
}
