/** Keeps the one line that tells the folded options up to date. */
export class OptionsSummary {
  constructor(page) {
    page.addEventListener("input", (event) => {
      const options = event.target.closest("[data-options]")
      if (options) this.#tell(options)
    })
  }

  #tell(options) {
    const said = [...options.querySelectorAll("[data-said]")].map((control) => {
      const { said, unsaid = "" } = control.dataset
      if (control.type === "checkbox") return control.checked ? said : unsaid
      const value = control.value.trim()
      return value && value !== "0" ? `${said} ${value}` : unsaid
    })
    options.querySelector("[data-options-summary]").textContent = said.filter(Boolean).join(" · ")
  }
}
