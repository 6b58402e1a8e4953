/** Events that were received and are not drawn yet: the newest ones, of one step where the page shows one. */

export class EventBuffer {
  #most
  #step
  #events = []
  #newestSeq = 0 // when the log is read again from its start, the rows have the events up to here already
  #isCut = false

  /** `most`: events; twice as many are cut to it. `step`: a step's path, or "" for all. */
  constructor(most, step) {
    this.#most = most
    this.#step = step
  }

  get length() {
    return this.#events.length
  }

  /** Whether older events than these are missing between the rows and the buffer. */
  get isCut() {
    return this.#isCut
  }

  /** Return how many of the events were added. */
  add(events) {
    const fresh = events.filter((event) => event.seq > this.#newestSeq)
    if (fresh.length) this.#newestSeq = fresh[fresh.length - 1].seq
    const ours = this.#step ? fresh.filter((event) => belongs(event.step, this.#step)) : fresh
    for (const event of ours) this.#events.push(event)
    if (this.#events.length > 2 * this.#most) this.keepNewest(this.#most)
    return ours.length
  }

  keepNewest(count) {
    if (this.#events.length > count) this.#events = this.#events.slice(-count)
    this.#isCut = true
  }

  /** Drop the events up to `seq`, which are in the rows: what is left follows on them. */
  dropUntil(seq) {
    this.#events = this.#events.filter((event) => event.seq > seq)
    this.#isCut = false
  }

  /** Remove and return all events. */
  takeAll() {
    const events = this.#events
    this.#events = []
    this.#isCut = false
    return events
  }
}

/** Whether a step's path is the one wanted, or lies below it: an item of its foreach, a step of its inner workflow. */
function belongs(path, wanted) {
  return path === wanted || path.startsWith(`${wanted}[`) || path.startsWith(`${wanted}.`)
}
