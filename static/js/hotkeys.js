/** Keys of the console: `/` search, `n` start a run, `g` then `h`, `r`, `w` or `s` to go to a page. */

const SECOND_KEY_MS = 1000
const PAGES = { h: "/", r: "/runs/", w: "/workflows/", s: "/system/" }

export function startHotkeys(root) {
  let leader = 0 // when `g` was pressed
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    if (Date.now() - leader < SECOND_KEY_MS && PAGES[event.key]) {
      event.preventDefault()
      location.assign(PAGES[event.key])
    } else if (event.key === "/") {
      const field = document.getElementById("filter") ?? document.getElementById("find")
      if (!field) return
      event.preventDefault()
      field.focus()
    } else if (event.key === "n") {
      document.querySelector("[data-key='n']")?.click()
    }
    leader = event.key === "g" ? Date.now() : 0
  })
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], .ace_editor") !== null
}
