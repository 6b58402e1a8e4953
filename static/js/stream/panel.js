/** The stream panel of a run: rows, strip, proof and rate, all fed by one LiveRun. */

import { grouped } from "../words.js"
import { StreamDensity } from "./density.js"
import { StreamList } from "./list.js"
import { StreamProof } from "./proof.js"

const SHOW_MS = 250 // between two drawings of proof, strip and rate
const RATE_MS = 2000

export class StreamPanel {
  #list
  #proof
  #density
  #rate
  #arrivals = [] // [when, how many chunks], of the last two seconds
  #shownSeq
  #timer = null
  #live

  constructor(element, live) {
    this.#live = live
    this.#list = new StreamList(element, live)
    this.#proof = new StreamProof(element, live)
    this.#density = new StreamDensity(element.querySelector(".wf-density"), Number(element.dataset.startedAt))
    this.#rate = element.querySelector("[data-stream-rate]")
    this.#shownSeq = Number(element.dataset.lastSeq)
    const filter = element.querySelector("[data-stream-filter]")
    filter?.addEventListener("change", () => filter.form.requestSubmit())
    element.querySelector(".wf-stream-view").addEventListener("scroll", () => this.#schedule(), { passive: true })
    live.listen(this)
  }

  take(events) {
    this.#proof.take(events)
    this.#list.take(events)
    if (events[0].seq === 1) this.#density.clear()
    let chunks = 0
    for (const event of events) {
      if (!event.isChunk) continue
      this.#density.add(event.at)
      if (event.seq > this.#shownSeq) chunks++
    }
    if (chunks) this.#arrivals.push([performance.now(), chunks])
    this.#schedule()
  }

  ended() {
    this.#arrivals = []
    this.#list.ended()
    this.#proof.ended()
    this.#schedule()
  }

  #schedule() {
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#show()
    }, SHOW_MS)
  }

  #show() {
    this.#proof.show()
    if (this.#live.cursor >= this.#shownSeq) this.#density.show(this.#list.timesInView)
    const since = performance.now() - RATE_MS
    while (this.#arrivals.length && this.#arrivals[0][0] < since) this.#arrivals.shift()
    const chunks = this.#arrivals.reduce((sum, [, count]) => sum + count, 0)
    if (this.#rate) this.#rate.textContent = chunks ? `${grouped(Math.round(chunks / (RATE_MS / 1000)))} chunks/s` : ""
    if (this.#arrivals.length) this.#schedule() // so that the rate falls when nothing comes any more
  }
}
