/** Counts how long something takes: every [data-tick-from], from the server's time and not this machine's. */

const TICK_MS = 100
const MINUTE_MS = 60_000

export class Clock {
  #seen = new WeakMap() // element -> { now: the server's time in the page, at: when this page first saw it }

  start() {
    setInterval(() => this.#tick(), TICK_MS)
  }

  #tick() {
    if (document.hidden) return
    for (const element of document.querySelectorAll("[data-tick-from]")) {
      const text = elapsedText(this.#elapsed(element))
      if (element.textContent !== text) element.textContent = text
    }
  }

  #elapsed(element) {
    const now = Number(element.dataset.tickNow)
    let seen = this.#seen.get(element)
    if (seen?.now !== now) {
      seen = { now, at: performance.now() }
      this.#seen.set(element, seen)
    }
    return now - Number(element.dataset.tickFrom) + (performance.now() - seen.at)
  }
}

/** As the server writes it, but with one decimal: two would flicker. */
function elapsedText(ms) {
  if (ms < MINUTE_MS) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}
