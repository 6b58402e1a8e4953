/** Keys of the console, listed in templates/_keys.html. A person may turn them off; <html data-keys> tells. */

const SECOND_KEY_MS = 1000
const PAGES = { h: "/", r: "/runs/", w: "/workflows/", s: "/system/" }
const ROWS = ".wf-runs .c-run a, .wf-list > li > a, .wf-workflows td:first-child a"

export function startHotkeys(root) {
  if (root.documentElement.dataset.keys === "off") return
  let leader = 0 // when `g` was pressed
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    const follows = Date.now() - leader < SECOND_KEY_MS
    leader = event.key === "g" ? Date.now() : 0
    if (follows && PAGES[event.key]) location.assign(PAGES[event.key])
    else if (!act(root, event.key)) return
    event.preventDefault()
  })
}

/** Do what a key stands for; false when it stands for nothing here. */
function act(root, key) {
  switch (key) {
    case "/":
      return focus(root.getElementById("filter") ?? visible(root.querySelectorAll("#find"))[0])
    case "n":
      return click(root.querySelector("[data-key='n']"))
    case "j":
    case "k":
      return focus(neighbour(visible(root.querySelectorAll(ROWS)), key === "j" ? 1 : -1))
    case "?":
      root.getElementById("keys").showModal()
      return true
  }
  return false
}

/** The row after the focused one, or before it; the first one when none is focused. */
function neighbour(rows, step) {
  const place = rows.indexOf(document.activeElement)
  return place < 0 ? rows[0] : rows[place + step]
}

function visible(elements) {
  return [...elements].filter((element) => element.checkVisibility())
}

function focus(element) {
  element?.focus()
  return Boolean(element)
}

function click(element) {
  element?.click()
  return Boolean(element)
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, dialog, [contenteditable], .ace_editor") !== null
}
