/**
 * DOM events by which the rest of a page follows a run. They bubble from the element of the run:
 * `run:events` { first, last, count }, `run:steps` { seq } and `run:status` { seq, type, ended }.
 */

const STEPS_MS = 400 // between two "run:steps"
const STATUS_TYPES = /^workflow-(start|resume|restart|time-travel|suspended|paused|canceled|finish)$/

export class RunSignals {
  #element
  #renderedSeq // the newest event that the server has rendered into the page
  #stepsAtMs = 0
  #stepsTimer = null

  constructor(element, renderedSeq) {
    this.#element = element
    this.#renderedSeq = renderedSeq
  }

  /** Signal those of the events that the server has not rendered. */
  events(events) {
    const fresh = events.filter((event) => event.seq > this.#renderedSeq)
    if (!fresh.length) return
    const last = fresh[fresh.length - 1].seq
    this.#dispatch("run:events", { first: fresh[0].seq, last, count: fresh.length })
    if (fresh.some((event) => !event.isChunk)) this.#stepsLater(last)
    const change = fresh.findLast((event) => STATUS_TYPES.test(event.type))
    if (change) this.#dispatch("run:status", { seq: change.seq, type: change.type, ended: false })
  }

  end(seq) {
    if (seq > this.#renderedSeq) this.#dispatch("run:status", { seq, type: "end", ended: true })
  }

  stop() {
    clearTimeout(this.#stepsTimer)
  }

  #stepsLater(seq) {
    clearTimeout(this.#stepsTimer)
    const signal = () => {
      this.#stepsAtMs = Date.now()
      this.#dispatch("run:steps", { seq })
    }
    this.#stepsTimer = setTimeout(signal, Math.max(0, this.#stepsAtMs + STEPS_MS - Date.now()))
  }

  #dispatch(name, detail) {
    this.#element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }))
  }
}
