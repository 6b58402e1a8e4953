/** The position of a page in the log of a run: it accepts each event once and in order, and requests what is missing. */

import { RunEvent } from "./event_text.js"

const GAP_TRIES = 3
const RESPONSE_MS = 2_000 // events that were sent before the server received a request are ignored for this long

export class EventCursor {
  #seq // of the last event that was accepted
  #head // seq of the newest event of the log that is known of
  #gapRequests = 0
  #requestedAtMs = 0

  constructor(seq, head) {
    this.#seq = seq
    this.#head = head
  }

  get seq() {
    return this.#seq
  }

  get head() {
    return this.#head
  }

  raiseHead(seq) {
    this.#head = Math.max(this.#head, seq)
  }

  /** Go back to before the first event. */
  reset() {
    this.#seq = 0
    this.#gapRequests = 0
  }

  /** Return the events of these lines that follow on the cursor, and move it there. Stop at a gap that can be filled. */
  accept(lines, connection) {
    const events = []
    for (const line of lines) {
      const event = new RunEvent(line)
      if (event.seq <= this.#seq) continue
      if (event.seq !== this.#seq + 1 && this.requestMissing(connection)) break
      this.#requestedAtMs = 0
      this.#seq = event.seq
      events.push(event)
    }
    if (events.length) this.#gapRequests = 0
    return events
  }

  /** Request what is missing after the cursor. False: there is no socket, or the server was asked often enough. */
  requestMissing(connection) {
    if (!connection.isOpen) return false
    if (Date.now() - this.#requestedAtMs < RESPONSE_MS) return true
    if (this.#gapRequests++ >= GAP_TRIES) return false
    this.request(connection)
    return true
  }

  request(connection) {
    this.#requestedAtMs = Date.now()
    connection.resume(this.#seq)
  }
}
