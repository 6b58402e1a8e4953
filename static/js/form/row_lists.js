const NAMING = new Set("name id for aria-labelledby aria-describedby data-rows data-row-count data-file-of".split(" "))
const NAMED_BY_VALUE = "button, input[type=hidden]"

/** Adds and removes rows of lists: a new one is cloned from the list's template, its inputs named by a key of its own. */
export class RowLists {
  #added = 0

  constructor(page) {
    page.addEventListener("click", (event) => {
      const button = event.target.closest("[data-add-row], [data-remove-row]")
      if (!button) return
      event.preventDefault()
      if (button.hasAttribute("data-add-row")) this.#add(button)
      else this.#remove(button)
    })
  }

  #add(button) {
    const list = listOf(button)
    const template = list.querySelector(":scope > template")
    this.#added += 1
    const key = `n${Date.now().toString(36)}${this.#added}`
    const placeholder = list.dataset.placeholder ?? "__row__"
    const fragment = document.importNode(template.content, true)
    name(fragment, placeholder, key)
    template.before(fragment)
    const row = template.previousElementSibling
    renumber(list)
    row.querySelector("input:not([type=hidden]), select, textarea")?.focus()
    changed(list)
  }

  #remove(button) {
    const list = listOf(button)
    const row = button.closest("[data-row]")
    const near = row.nextElementSibling?.matches("[data-row]") ? row.nextElementSibling : row.previousElementSibling
    row.remove()
    renumber(list)
    const stays = near?.matches("[data-row]") ? near.querySelector("[data-remove-row]") : null
    ;(stays ?? list.querySelector("[data-add-row]")).focus()
    changed(list)
  }
}

/** Put the key of a row into the names within it, also in the templates of lists in it; texts and defaults stay. */
function name(fragment, placeholder, key) {
  for (const element of fragment.querySelectorAll("*")) {
    for (const attribute of element.attributes) {
      const names = NAMING.has(attribute.name) || (attribute.name === "value" && element.matches(NAMED_BY_VALUE))
      if (names) attribute.value = attribute.value.replaceAll(placeholder, key)
    }
    if (element instanceof HTMLTemplateElement) name(element.content, placeholder, key)
  }
}

function listOf(button) {
  return button.closest("[data-rows], [data-context-rows]")
}

function rowsOf(list) {
  return [...list.querySelectorAll(":scope > [data-row]")]
}

/** Names that end with a row's number follow its place; rows of lists inside it have numbers of their own. */
function renumber(list) {
  const rows = rowsOf(list)
  for (const [index, row] of rows.entries()) {
    for (const element of [row, ...row.querySelectorAll("[aria-label]")]) {
      if (element.closest("[data-row]") !== row) continue
      const name = element.getAttribute("aria-label")
      if (/\d+$/.test(name)) element.setAttribute("aria-label", name.replace(/\d+$/, String(index + 1)))
    }
  }
  const count = list.closest(".wf-field")?.querySelector(":scope > .wf-labelrow [data-row-count]")
  if (count) count.textContent = count.textContent.replace(/^\d+/, String(rows.length))
}

function changed(list) {
  list.dispatchEvent(new Event("change", { bubbles: true }))
}
