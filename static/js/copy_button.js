/** Copies the text of `data-copy`, or the text of the element that `data-copy-from` names, and says so in the button. */

const SHOWN_MS = 1500

export function startCopyButtons(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy], [data-copy-from]")
    if (button) copy(button)
  })
}

async function copy(button) {
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom)
  const text = source ? (source.value ?? source.textContent) : button.dataset.copy
  try {
    await navigator.clipboard.writeText(text)
    show(button, "Copied")
  } catch {
    // Without HTTPS a browser may refuse the clipboard; the text can still be selected by hand.
    show(button, "The browser refused to copy. Select the text and copy it by hand")
  }
}

/** Swap the icon for a tick, and the name for what happened; both come back after a moment. */
function show(button, words) {
  const use = button.querySelector("use")
  const [name, icon] = [button.getAttribute("aria-label"), use?.getAttribute("href")]
  if (button.dataset.copied) return
  button.dataset.copied = "yes"
  button.setAttribute("aria-label", words)
  button.title = words
  if (words === "Copied") use?.setAttribute("href", "#i-check")
  setTimeout(() => {
    delete button.dataset.copied
    button.removeAttribute("title")
    if (name === null) button.removeAttribute("aria-label")
    else button.setAttribute("aria-label", name)
    if (icon) use.setAttribute("href", icon)
  }, SHOWN_MS)
}
