/** Renders the rows of a stream into its list; at most MAX_ROWS at a time. */

import { byteSize } from "../words.js"
import { StreamRow } from "./row.js"

export const MAX_ROWS = 2000

export class RowRenderer {
  isEndCut = false // rows that follow on the last one were removed, or never loaded
  #list
  #template
  #startedAtMs
  #eventsUrl
  #isFiltered
  #rows = []

  /** `isFiltered`: events of other steps are left out between the rows. */
  constructor({ list, template, startedAtMs, eventsUrl, isFiltered }) {
    this.#list = list
    this.#template = template
    this.#startedAtMs = startedAtMs
    this.#eventsUrl = eventsUrl
    this.#isFiltered = isFiltered
  }

  get isEmpty() {
    return !this.#rows.length
  }

  /** Whether the list has rows, of this renderer or of the server. */
  get hasElements() {
    return this.#list.childElementCount > 0
  }

  get firstSeq() {
    return this.#rows[0].first
  }

  /** The seq of the last event in the rows; 0 without rows. */
  get lastSeq() {
    return this.#rows[this.#rows.length - 1]?.last ?? 0
  }

  /** Whether there are rows, and older events than theirs in the log. */
  get isStartCut() {
    return this.#rows.length > 0 && this.firstSeq > 1
  }

  /** Add events after the last row. If they make more than `most` new rows, the last of them replace all rows. */
  append(events, most = MAX_ROWS) {
    const end = this.#rows[this.#rows.length - 1]
    const fresh = []
    let last = end
    for (const event of events) {
      const row = new StreamRow(event, this.#startedAtMs)
      if (last?.takes(row) && (this.#isFiltered || last.last + 1 === row.first)) {
        last.add(row)
      } else {
        fresh.push(row)
        last = row
      }
    }
    if (fresh.length > most) {
      this.clear()
      fresh.splice(0, fresh.length - most)
    } else if (end) {
      this.#fill(end) // more text may have been added to it
    }
    this.#list.append(this.#fragment(fresh))
    for (const row of fresh) this.#rows.push(row)
  }

  /** Add events before the first row. */
  prepend(events) {
    const fresh = []
    for (const event of events) {
      const row = new StreamRow(event, this.#startedAtMs)
      const last = fresh[fresh.length - 1]
      if (last?.takes(row)) last.add(row)
      else fresh.push(row)
    }
    this.#list.prepend(this.#fragment(fresh))
    this.#rows = fresh.concat(this.#rows)
  }

  trimStart() {
    const surplus = this.#rows.length - MAX_ROWS
    if (surplus > 0) for (const row of this.#rows.splice(0, surplus)) row.element.remove()
  }

  trimEnd() {
    while (this.#rows.length > MAX_ROWS) {
      this.#rows.pop().element.remove()
      this.isEndCut = true
    }
  }

  /** Remove all rows, those that the server rendered as well. */
  clear() {
    this.#rows = []
    this.isEndCut = false
    this.#list.replaceChildren()
  }

  rowOf(element) {
    return this.#rows.find((row) => row.element === element)
  }

  /** The row at `y` pixels from the top of the list. */
  rowAt(y) {
    let low = 0
    let high = this.#rows.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      const { offsetTop, offsetHeight } = this.#rows[middle].element
      if (offsetTop + offsetHeight < y) low = middle + 1
      else high = middle
    }
    return this.#rows[low]
  }

  #fragment(rows) {
    const fragment = document.createDocumentFragment()
    for (const row of rows) {
      row.element = this.#template.content.firstElementChild.cloneNode(true)
      this.#fill(row)
      fragment.append(row.element)
    }
    return fragment
  }

  #fill(row) {
    const { element } = row
    element.classList.toggle("is-text", row.isText)
    element.classList.toggle("is-failed", row.isFailed)
    const [seq, at, step, kind, body] = element.children
    seq.textContent = row.last
    at.textContent = row.offset
    step.textContent = step.title = row.step
    kind.textContent = row.kindWords
    seq.href = `${this.#eventsUrl}?after=${row.first - 1}&limit=${row.last - row.first + 1}`
    body.textContent = row.shownBody // never as markup: chunks are untrusted
    if (row.isCut) {
      const cut = document.createElement("span")
      cut.textContent = body.textContent
      const more = document.createElement("a")
      more.className = "more"
      more.href = seq.href
      more.textContent = `show ${byteSize(new Blob([row.body]).size)}`
      body.replaceChildren(cut, " ", more)
    }
  }
}
