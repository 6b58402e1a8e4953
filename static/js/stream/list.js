/**
 * The rows of a stream. At most 2 000 are in the page, whatever the run has written: what is older or newer comes by
 * GET when the reader scrolls there. It follows the end until the reader scrolls up; from then on nothing moves.
 */

import { byteSize, grouped } from "../words.js"
import { cutFrame, RunEvent } from "./event_text.js"
import { toggleRaw } from "./raw_events.js"
import { StreamRow } from "./row.js"

const MAX_ROWS = 2000
const FRESH_ROWS = 100 // drawn at once at the end: more than any window shows; what is older comes by scrolling
const FIRST_EVENTS = 500 // drawn when the page takes over from the server's rows
const PAGE_EVENTS = 500 // asked for at once
const NEAR_PX = 24 // so close to the end, the reader follows
const AHEAD_PX = 200 // so close to the beginning, older rows are asked for
const HIDDEN_MS = 500 // between two drawings of a page that is not seen
const REST = 10 // times as long as a drawing took, the page then takes in events and draws none

export class StreamList {
  #view
  #list
  #template
  #newButton
  #followButton
  #live
  #startedAt
  #step
  #takeOverAt // until the cursor is there, the server's own rows stand
  #rows = []
  #pending = [] // taken in, not drawn: at most MAX_ROWS, the newest
  #pendingCut = false
  #tailCut = false // rows were taken away at the end, to make room for older ones
  #following = true
  #unseen = 0
  #newest = 0 // what the log is read anew for, the rows have already
  #busy = false
  #missed = false // somebody scrolled to where rows are missing, while others were on their way
  #scheduled = false
  #restUntil = 0 // so that a stream that is faster than it can be drawn is taken in at its own speed

  constructor(element, live) {
    const data = element.dataset
    this.#live = live
    this.#view = element.querySelector(".wf-stream-view")
    this.#list = element.querySelector("[data-stream-rows]")
    this.#template = element.querySelector("template[data-stream-row]")
    this.#newButton = element.querySelector("[data-stream-new]")
    this.#followButton = element.querySelector("[data-stream-follow]")
    this.#startedAt = Number(data.startedAt)
    this.#step = data.step ?? ""
    this.#takeOverAt = Number(data.lastSeq)
    this.#view.addEventListener("scroll", () => this.#scrolled(), { passive: true })
    this.#list.addEventListener("click", (event) => this.#clicked(event))
    this.#newButton.addEventListener("click", () => this.#follow())
    this.#followButton?.addEventListener("click", () => (this.#following ? this.#stay() : this.#follow()))
    if (this.#followButton) this.#followButton.hidden = false
    const jump = element.querySelector("[data-stream-jump]")
    jump?.addEventListener("submit", (event) => {
      event.preventDefault()
      if (jump.reportValidity()) this.#jump(Number(jump.elements.after.value))
    })
    this.#toEnd()
  }

  take(events) {
    const fresh = events.filter((event) => event.seq > this.#newest)
    if (fresh.length) this.#newest = fresh[fresh.length - 1].seq
    const ours = this.#step ? fresh.filter((event) => belongs(event.step, this.#step)) : fresh
    if (!ours.length) return this.#schedule()
    this.#unseen += this.#following ? 0 : ours.length
    for (const event of ours) this.#pending.push(event)
    if (this.#pending.length > 2 * MAX_ROWS) {
      this.#pending.splice(0, this.#pending.length - MAX_ROWS)
      this.#pendingCut = true
    }
    this.#schedule()
  }

  /** Nothing more comes: show all of it now. */
  ended() {
    this.#draw()
    this.#fillWindow()
  }

  /** Times of the first and the last row in view, in epoch milliseconds; null when there is none. */
  get timesInView() {
    if (!this.#rows.length) return null
    const top = this.#view.scrollTop
    const first = this.#rowAt(top)
    const last = this.#rowAt(top + this.#view.clientHeight)
    return [first.at, last.at]
  }

  // --- Drawing ---

  #schedule() {
    if (this.#scheduled) return
    this.#scheduled = true
    const rest = this.#restUntil - performance.now()
    if (document.visibilityState !== "visible") setTimeout(this.#drawNow, HIDDEN_MS)
    else if (rest > 0) setTimeout(() => requestAnimationFrame(this.#drawNow), rest)
    else requestAnimationFrame(this.#drawNow)
  }

  #drawNow = () => {
    const began = performance.now()
    this.#scheduled = false
    this.#draw()
    // This timer fires after the browser's own part of the work: style, layout and paint.
    setTimeout(() => {
      this.#restUntil = performance.now() + REST * (performance.now() - began)
      if (this.#live.cursor === this.#live.head) this.#fillWindow()
    })
  }

  #draw() {
    if (this.#takeOverAt) {
      if (this.#live.cursor < this.#takeOverAt) return
      this.#takeOver()
    } else if (this.#following) {
      this.#drawPending()
    } else {
      this.#newButton.hidden = !this.#unseen
      this.#newButton.querySelector("[data-count]").textContent = grouped(this.#unseen)
    }
  }

  /** From now on the rows are ours: the server's own ones go. */
  #takeOver() {
    this.#takeOverAt = 0
    if (!this.#pending.length) {
      if (this.#list.childElementCount) this.#reload()
      return
    }
    const hasMore = this.#pending.length > FIRST_EVENTS
    this.#pending = hasMore ? this.#pending.slice(-FIRST_EVENTS) : this.#pending
    this.#pendingCut = true
    this.#drawPending()
    if (!hasMore && this.#rows[0].first > 1) this.#loadOlder()
  }

  #drawPending() {
    if (!this.#pending.length) return
    if (this.#pendingCut || this.#tailCut) this.#clear()
    const events = this.#pending
    this.#pending = []
    this.#pendingCut = false
    this.#append(events, FRESH_ROWS)
    this.#trimTop()
    this.#toEnd()
  }

  /** Add what follows on the rows; of more than `most` new rows the last ones, in place of all that stood there. */
  #append(events, most = MAX_ROWS) {
    const end = this.#rows[this.#rows.length - 1]
    const fresh = []
    let last = end
    for (const event of events) {
      const row = new StreamRow(event, this.#startedAt)
      if (last?.takes(row) && (this.#step || last.last + 1 === row.first)) last.add(row)
      else {
        fresh.push(row)
        last = row
      }
    }
    if (fresh.length > most) {
      this.#clear()
      fresh.splice(0, fresh.length - most)
    } else if (end) this.#fill(end) // it may have got more text
    const fragment = document.createDocumentFragment()
    for (const row of fresh) {
      fragment.append(this.#element(row))
      this.#rows.push(row)
    }
    this.#list.append(fragment)
  }

  #prepend(events) {
    const rest = this.#rows
    const shown = document.createDocumentFragment()
    const height = this.#view.scrollHeight
    this.#rows = []
    for (const event of events) {
      const row = new StreamRow(event, this.#startedAt)
      const last = this.#rows[this.#rows.length - 1]
      if (last?.takes(row)) last.add(row)
      else this.#rows.push(row)
    }
    for (const row of this.#rows) shown.append(this.#element(row))
    this.#list.prepend(shown)
    this.#rows = this.#rows.concat(rest)
    this.#view.scrollTop += this.#view.scrollHeight - height
    while (this.#rows.length > MAX_ROWS) {
      this.#rows.pop().element.remove()
      this.#tailCut = true
    }
  }

  #element(row) {
    row.element = this.#template.content.firstElementChild.cloneNode(true)
    this.#fill(row)
    return row.element
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
    seq.href = `${this.#live.eventsUrl}?after=${row.first - 1}&limit=${row.last - row.first + 1}`
    // Never as markup: a chunk is what a stranger wrote.
    body.textContent = row.shownBody
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

  #trimTop() {
    const surplus = this.#rows.length - MAX_ROWS
    if (surplus > 0) for (const row of this.#rows.splice(0, surplus)) row.element.remove()
  }

  #clear() {
    this.#rows = []
    this.#tailCut = false
    this.#list.replaceChildren()
  }

  // --- Following, and scrolling away from it ---

  #toEnd() {
    this.#view.scrollTop = this.#view.scrollHeight
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#view
    if (!clientHeight || this.#takeOverAt) return
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX
    if (this.#following && !isAtEnd) this.#stay()
    else if (!this.#following && isAtEnd) this.#reachedEnd()
    if (scrollTop < AHEAD_PX && this.#rows.length && this.#rows[0].first > 1) this.#loadOlder()
  }

  #stay() {
    if (this.#following) this.#unseen = this.#pending.length
    this.#following = false
    this.#followButton?.setAttribute("aria-pressed", "false")
  }

  #follow() {
    this.#following = true
    this.#unseen = 0
    this.#newButton.hidden = true
    this.#followButton?.setAttribute("aria-pressed", "true")
    if (this.#tailCut || this.#pendingCut) this.#reload()
    else this.#drawPending()
    this.#toEnd()
  }

  #reachedEnd() {
    if (this.#tailCut || this.#pendingCut) this.#loadNewer()
    else this.#follow()
  }

  // --- Rows by GET ---

  async #loadOlder() {
    await this.#once(async () => {
      const { events } = await this.#get(`before=${this.#rows[0].first}`)
      if (events.length) this.#prepend(events)
    })
  }

  /** A window that its rows do not fill cannot be scrolled: get it some older ones. */
  #fillWindow() {
    const { scrollHeight, clientHeight } = this.#view
    if (scrollHeight <= clientHeight && this.#rows.length && this.#rows[0].first > 1) this.#loadOlder()
  }

  async #loadNewer() {
    await this.#once(async () => {
      const after = this.#rows.length ? this.#rows[this.#rows.length - 1].last : 0
      const { events, isAll } = await this.#get(`after=${after}`)
      this.#append(events)
      const height = this.#view.scrollHeight
      this.#trimTop()
      this.#view.scrollTop -= height - this.#view.scrollHeight // the reader stays where they are
      if (!isAll) return
      // Joined: what came over the socket meanwhile stands in these rows, or follows on them.
      const last = this.#rows.length ? this.#rows[this.#rows.length - 1].last : 0
      this.#pending = this.#pending.filter((event) => event.seq > last)
      this.#tailCut = this.#pendingCut = false
    })
  }

  /** Show what follows on an event, wherever in the log it stands. */
  async #jump(after) {
    await this.#once(async () => {
      const { events } = await this.#get(`after=${after}`)
      if (!events.length) return this.#follow()
      this.#stay()
      this.#clear()
      this.#append(events)
      this.#tailCut = true // what lies behind them comes by scrolling
      this.#view.scrollTop = 0
      this.#view.focus()
    })
  }

  /** The newest rows, from the server. */
  async #reload() {
    await this.#once(async () => {
      const head = this.#live.cursor
      const { events } = await this.#get(`before=${head + 1}`)
      this.#clear()
      this.#pending = this.#pending.filter((event) => event.seq > head)
      this.#pendingCut = false
      this.#append(events)
      this.#drawPending()
      this.#toEnd()
    })
  }

  async #once(act) {
    if (this.#busy) {
      this.#missed = true
      return
    }
    this.#busy = true
    this.#missed = false
    try {
      await act()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // the network is away; the next scroll asks again
    } finally {
      this.#busy = false
    }
    if (this.#missed) this.#scrolled() // who stands at the end already cannot scroll there again
  }

  async #get(query, limit = PAGE_EVENTS) {
    const step = this.#step && `&step=${encodeURIComponent(this.#step)}`
    const url = `${this.#live.eventsUrl}?${query}&limit=${limit}&values=stored${step}`
    const answer = await fetch(url, { headers: { Accept: "application/json" } })
    if (!answer.ok) throw new TypeError(`The server answered ${answer.status}.`)
    const { lines, around } = cutFrame(await answer.text())
    // An answer of large events is short although there are more.
    return { events: lines.map((line) => new RunEvent(line)), isAll: around.last >= around.head }
  }

  // --- One row, whole ---

  #clicked(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("pre")) return
    const element = event.target.closest("li")
    const row = this.#rows.find((one) => one.element === element)
    const isLink = event.target.closest("a")
    if (!row || (!isLink && !getSelection().isCollapsed)) return // who marks text does not press
    event.preventDefault()
    toggleRaw(row, (query, limit) => this.#get(query, limit))
  }

  #rowAt(y) {
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
}

/** Whether a step's path is the one wanted, or lies below it: an item of its foreach, a step of its inner workflow. */
function belongs(path, wanted) {
  return path === wanted || path.startsWith(`${wanted}[`) || path.startsWith(`${wanted}.`)
}
