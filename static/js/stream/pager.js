/** Pages of the events of a run by GET. One at a time is loaded: what would load while it is under way is left out. */

import { cutFrame, RunEvent } from "./event_text.js"

const PAGE_EVENTS = 500

export class EventPager {
  #eventsUrl
  #stepQuery
  #onSkipped
  #isBusy = false
  #hasSkipped = false

  /** `step`: a step's path, or "" for all; `onSkipped()` is called after a load during which another was left out. */
  constructor(eventsUrl, step, onSkipped) {
    this.#eventsUrl = eventsUrl
    this.#stepQuery = step && `&step=${encodeURIComponent(step)}`
    this.#onSkipped = onSkipped
  }

  /** Return `{ events, isAll }`; `isAll`: nothing of the log follows on them. Raise TypeError without a response. */
  async get(query, limit = PAGE_EVENTS) {
    const url = `${this.#eventsUrl}?${query}&limit=${limit}&values=stored${this.#stepQuery}`
    const response = await fetch(url, { headers: { Accept: "application/json" } })
    if (!response.ok) throw new TypeError(`The server answered ${response.status}.`)
    const { lines, around } = cutFrame(await response.text())
    // A page of large events is short although there are more.
    return { events: lines.map((line) => new RunEvent(line)), isAll: around.last >= around.head }
  }

  /** Get a page and pass it to `show`, unless another one is under way. */
  async load(query, show) {
    if (this.#isBusy) {
      this.#hasSkipped = true
      return
    }
    this.#isBusy = true
    this.#hasSkipped = false
    try {
      show(await this.get(query))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // there is no network; the next scroll tries again
    } finally {
      this.#isBusy = false
    }
    if (this.#hasSkipped) this.#onSkipped()
  }
}
