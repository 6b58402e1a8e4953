/** Keeps relative times true: the words of every time[data-ago], as the server writes them. */

const EVERY_MS = 5_000
const SECOND_MS = 1_000
const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [SECOND_MS, "s"],
]

export function startTimes(root) {
  // This machine's clock may be wrong; what the server wrote into the page is right at the moment of loading.
  const shift = serverShift(root)
  setInterval(() => {
    if (document.hidden) return
    for (const element of root.querySelectorAll("time[data-ago]")) {
      const text = agoText(Date.now() + shift - Date.parse(element.dateTime))
      if (element.textContent !== text) element.textContent = text
    }
  }, EVERY_MS)
}

function serverShift(root) {
  const told = Number(root.documentElement.dataset.now)
  return told ? told - Date.now() : 0
}

function agoText(ms) {
  const size = Math.abs(ms)
  for (const [unit, word] of UNITS) {
    if (size >= unit) {
      const text = `${Math.floor(size / unit)} ${word}`
      return ms > 0 ? `${text} ago` : `in ${text}`
    }
  }
  return "now"
}
