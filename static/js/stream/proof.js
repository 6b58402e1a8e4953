/**
 * The proof at the foot of a stream: that nothing is missing, and the digest of all lines, to be held against the
 * download. It hashes what the server sent, as it was sent.
 */

import { cutId, grouped } from "../words.js"
import { Sha256 } from "./sha256.js"

export class StreamProof {
  #words
  #digest
  #link
  #again
  #live
  #shown // the newest event that the server has rendered
  #first // the event after which the page began to read
  #hash = new Sha256()
  #encoder = new TextEncoder()
  #chunks = 0
  #last
  #gap = ""
  #isEnded = false

  constructor(element, live) {
    this.#live = live
    this.#shown = Number(element.dataset.lastSeq)
    this.#first = this.#last = live.cursor
    this.#words = element.querySelector("[data-proof-words]")
    this.#digest = element.querySelector("[data-proof-digest]")
    this.#link = element.querySelector("[data-proof-link]")
    this.#again = element.querySelector("[data-proof-again]")
    this.#again.addEventListener("click", () => this.#fromTheStart())
  }

  take(events) {
    for (const event of events) {
      if (event.isChunk) this.#chunks++
      if (event.seq !== this.#last + 1) this.#gap ||= `${grouped(this.#last + 1)}–${grouped(event.seq - 1)}`
      this.#last = event.seq
    }
    if (!this.#first) this.#hash.update(this.#encoder.encode(`${events.map((event) => event.text).join("\n")}\n`))
  }

  ended() {
    this.#isEnded = true
    this.show()
  }

  show() {
    this.#again.hidden = !this.#first
    if (this.#first) {
      this.#words.textContent = `events ${grouped(this.#first + 1)}–${grouped(this.#last)} read`
    } else if (this.#last < this.#shown) {
      this.#words.textContent = `checking ${grouped(this.#last)} of ${grouped(this.#shown)} events`
    } else {
      this.#tell()
    }
  }

  #tell() {
    const range = this.#chunks ? `chunks 1–${grouped(this.#chunks)}` : `events 1–${grouped(this.#last)}`
    const events = `Events 1 to ${grouped(this.#last)}, each once and in order`
    this.#words.textContent = this.#gap ? `events ${this.#gap} are missing` : `${range}, no gaps`
    this.#words.parentElement.classList.toggle("is-broken", Boolean(this.#gap))
    this.#words.title = `${events}; ${grouped(this.#chunks)} of them are chunks.`
    const digest = this.#hash.hex()
    this.#digest.textContent = cutId(digest)
    this.#digest.title = digest
    this.#digest.parentElement.hidden = false
    const url = new URL(this.#link.href)
    if (this.#isEnded) url.searchParams.delete("last")
    else url.searchParams.set("last", this.#last)
    this.#link.href = url
  }

  #fromTheStart() {
    this.#first = this.#last = this.#chunks = 0
    this.#gap = ""
    this.#hash = new Sha256()
    this.#live.restart()
  }
}
