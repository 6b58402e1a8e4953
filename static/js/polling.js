/** A page that nobody looks at asks for no news: elements with `data-poll` rest while the tab is hidden. */

export function startPolling(root) {
  root.addEventListener("htmx:before:request", (event) => {
    if (document.hidden && event.target.closest?.("[data-poll]")) event.preventDefault()
  })
}
