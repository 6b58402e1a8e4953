/** Closes an open menu (details.wf-menu) by Escape, or by a press beside it. Opening needs no script. */

export function startMenus(root) {
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return
    const menu = event.target.closest?.("details.wf-menu[open]") ?? root.querySelector("details.wf-menu[open]")
    if (!menu) return
    menu.open = false
    menu.querySelector("summary").focus()
  })
  root.addEventListener("pointerdown", (event) => {
    for (const menu of root.querySelectorAll("details.wf-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false
    }
  })
}
