const SEPARATORS = new Set(["Enter", ","])

/** Words as chips: Enter or a comma adds one, Backspace in the empty line takes the last one back. */
export class TagChips {
  constructor(page) {
    page.addEventListener("keydown", (event) => this.#onKey(event))
    page.addEventListener("change", (event) => {
      const box = event.target.closest("[data-chips]")
      if (box && event.target === lineOf(box)) this.#take(box)
    })
    page.addEventListener("click", (event) => {
      const button = event.target.closest(".wf-chip button")
      if (!button?.closest("[data-chips]")) return
      event.preventDefault()
      const box = button.closest("[data-chips]")
      button.closest(".wf-chip").remove()
      lineOf(box).focus()
      box.dispatchEvent(new Event("change", { bubbles: true }))
    })
  }

  #onKey(event) {
    const box = event.target.closest("[data-chips]")
    if (!box || event.target !== lineOf(box) || event.isComposing || event.ctrlKey || event.metaKey) return
    if (SEPARATORS.has(event.key)) {
      event.preventDefault()
      this.#take(box)
    } else if (event.key === "Backspace" && event.target.value === "") {
      box.querySelector(".wf-chip:last-of-type button")?.click()
    }
  }

  /** Each word of the line becomes a chip; one that is there already is not added twice. */
  #take(box) {
    const line = lineOf(box)
    const words = line.value.split(",").map((word) => word.trim())
    line.value = ""
    for (const word of words) {
      if (word && !wordsOf(box).includes(word)) this.#add(box, word)
    }
  }

  #add(box, word) {
    const template = box.querySelector("template")
    const chip = template.content.firstElementChild.cloneNode(true)
    const input = chip.querySelector("input")
    chip.querySelector("span").textContent = word
    input.name = box.dataset.chips
    input.value = word
    chip.querySelector("button").setAttribute("aria-label", `Remove ${word}`)
    template.before(chip)
    box.dispatchEvent(new Event("change", { bubbles: true }))
  }
}

function lineOf(box) {
  return box.querySelector("input[type=text]")
}

function wordsOf(box) {
  return [...box.querySelectorAll(".wf-chip input")].map((input) => input.value)
}
