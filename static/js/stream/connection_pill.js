/** The pill in the head of a page that shows the state of its connection, and the live region that speaks it. */

import { grouped } from "../words.js"

const CATCHING_UP_EVENTS = 200 // behind the end of the log, from which the pill shows how many
const COUNT_MS = 250 // between two such counts; each has the browser lay out and paint
const SPOKEN = { "is-lost": "Connection lost", "is-ended": "The run has ended" }

export class ConnectionPill {
  #liveRegion
  #spoken = ""
  #countedAtMs = -Infinity

  constructor(liveRegion) {
    this.#liveRegion = liveRegion
  }

  /** `behind`: events of the log that are not received yet. */
  showLive({ behind, usesSocket }) {
    if (behind > CATCHING_UP_EVENTS) {
      if (performance.now() - this.#countedAtMs < COUNT_MS) return
      this.#countedAtMs = performance.now()
      this.#show("is-catching", `Catching up ${grouped(behind)}`, `${grouped(behind)} events are still to come.`)
    } else {
      const title = usesSocket ? "Events arrive as they happen." : "Sockets do not get through: asked every 2 s."
      this.#show("", "Live", title)
    }
  }

  showLost(retryInMs) {
    const seconds = Math.ceil(retryInMs / 1000)
    this.#show("is-lost", seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting", "The connection was lost.")
  }

  showEnded() {
    this.#show("is-ended", "Ended", "The run has ended; this page shows all of it.")
  }

  /** `error`: `{ code, message }` of the server; 4401 means that nobody is signed in. */
  showRefused(error) {
    this.#show("is-lost", error.code === 4401 ? "Signed out" : "Disconnected", error.message)
  }

  #show(className, words, title) {
    const pill = document.querySelector("[data-run-conn]") // found each time: htmx swaps the head
    if (pill && (pill.textContent !== words || pill.hidden)) {
      pill.className = `wf-conn ${className}`.trim()
      pill.textContent = words
      pill.title = title
      pill.hidden = false
    }
    const spoken = SPOKEN[className] ?? "Connected"
    if (this.#liveRegion && this.#spoken !== spoken) {
      if (this.#spoken) this.#liveRegion.textContent = spoken // the first state is not a change
      this.#spoken = spoken
    }
  }
}
