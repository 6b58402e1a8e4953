/**
 * The rows of a stream. At most 2 000 are in the page, whatever the run has written: what is older or newer is loaded
 * by GET when the reader scrolls there. It follows the end until the reader scrolls up; from then on nothing moves.
 */

import { grouped } from "../words.js"
import { DrawSchedule } from "./draw_schedule.js"
import { EventBuffer } from "./event_buffer.js"
import { EventPager } from "./pager.js"
import { toggleRaw } from "./raw_events.js"
import { MAX_ROWS, RowRenderer } from "./row_renderer.js"

const FRESH_ROWS = 100 // drawn at once at the end: more than any window shows; what is older is loaded by scrolling
const FIRST_EVENTS = 500 // drawn when the page takes over from the server's rows
const FOLLOW_PX = 24 // distance from the end within which the list follows it
const LOAD_OLDER_PX = 200 // distance from the start within which older rows are loaded

export class StreamList {
  #view
  #newButton
  #followButton
  #live
  #rows
  #buffer
  #pager
  #schedule
  #takeOverSeq // until the cursor is there, the rows of the server stay; 0: the rows are of this list
  #isFollowing = true
  #unseen = 0 // events received since the reader scrolled away

  constructor(element, live) {
    const data = element.dataset
    const step = data.step ?? ""
    const list = element.querySelector("[data-stream-rows]")
    this.#live = live
    this.#view = element.querySelector(".wf-stream-view")
    this.#newButton = element.querySelector("[data-stream-new]")
    this.#followButton = element.querySelector("[data-stream-follow]")
    this.#takeOverSeq = Number(data.lastSeq)
    this.#rows = new RowRenderer({
      list,
      template: element.querySelector("template[data-stream-row]"),
      startedAtMs: Number(data.startedAt),
      eventsUrl: live.eventsUrl,
      isFiltered: Boolean(step),
    })
    this.#buffer = new EventBuffer(MAX_ROWS, step)
    // Who is at the end already cannot scroll there again.
    this.#pager = new EventPager(live.eventsUrl, step, () => this.#scrolled())
    this.#schedule = new DrawSchedule(
      () => this.#draw(),
      () => {
        if (live.cursor === live.head) this.#fillWindow()
      },
    )
    list.addEventListener("click", (event) => this.#clicked(event))
    this.#wireControls(element.querySelector("[data-stream-jump]"))
    this.#scrollToEnd()
  }

  #wireControls(jump) {
    this.#view.addEventListener("scroll", () => this.#scrolled(), { passive: true })
    this.#newButton.addEventListener("click", () => this.#follow())
    this.#followButton?.addEventListener("click", () => (this.#isFollowing ? this.#unfollow() : this.#follow()))
    if (this.#followButton) this.#followButton.hidden = false
    jump?.addEventListener("submit", (event) => {
      event.preventDefault()
      if (jump.reportValidity()) this.#jump(Number(jump.elements.after.value))
    })
  }

  take(events) {
    const added = this.#buffer.add(events)
    if (!this.#isFollowing) this.#unseen += added
    this.#schedule.request()
  }

  /** Draw everything now: no more events follow. */
  ended() {
    this.#draw()
    this.#fillWindow()
  }

  /** Times of the first and the last row in view, in epoch milliseconds; null when there is none. */
  get timesInView() {
    if (this.#rows.isEmpty) return null
    const { scrollTop, clientHeight } = this.#view
    return [this.#rows.rowAt(scrollTop).at, this.#rows.rowAt(scrollTop + clientHeight).at]
  }

  // --- Drawing ---

  #draw() {
    if (this.#takeOverSeq) {
      if (this.#live.cursor >= this.#takeOverSeq) this.#takeOver()
    } else if (this.#isFollowing) {
      this.#drawBuffer()
    } else {
      this.#newButton.hidden = !this.#unseen
      this.#newButton.querySelector("[data-count]").textContent = grouped(this.#unseen)
    }
  }

  /** Replace the rows of the server by rows of this list. */
  #takeOver() {
    this.#takeOverSeq = 0
    if (!this.#buffer.length) {
      if (this.#rows.hasElements) this.#loadEnd()
      return
    }
    const hasMore = this.#buffer.length > FIRST_EVENTS
    this.#buffer.keepNewest(FIRST_EVENTS)
    this.#drawBuffer()
    if (!hasMore && this.#rows.isStartCut) this.#loadOlder()
  }

  #drawBuffer() {
    if (!this.#buffer.length) return
    if (this.#buffer.isCut || this.#rows.isEndCut) this.#rows.clear()
    this.#rows.append(this.#buffer.takeAll(), FRESH_ROWS)
    this.#rows.trimStart()
    this.#scrollToEnd()
  }

  // --- Following the end, and scrolling away from it ---

  #scrollToEnd() {
    this.#view.scrollTop = this.#view.scrollHeight
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#view
    if (!clientHeight || this.#takeOverSeq) return
    const isAtEnd = scrollHeight - scrollTop - clientHeight < FOLLOW_PX
    if (this.#isFollowing && !isAtEnd) this.#unfollow()
    else if (!this.#isFollowing && isAtEnd) this.#reachedEnd()
    if (scrollTop < LOAD_OLDER_PX && this.#rows.isStartCut) this.#loadOlder()
  }

  #unfollow() {
    if (this.#isFollowing) this.#unseen = this.#buffer.length
    this.#isFollowing = false
    this.#followButton?.setAttribute("aria-pressed", "false")
  }

  #follow() {
    this.#isFollowing = true
    this.#unseen = 0
    this.#newButton.hidden = true
    this.#followButton?.setAttribute("aria-pressed", "true")
    if (this.#hasGap) this.#loadEnd()
    else this.#drawBuffer()
    this.#scrollToEnd()
  }

  #reachedEnd() {
    if (this.#hasGap) this.#loadNewer()
    else this.#follow()
  }

  /** Whether events are missing between the rows and the buffer. */
  get #hasGap() {
    return this.#rows.isEndCut || this.#buffer.isCut
  }

  // --- Rows by GET ---

  #loadOlder() {
    this.#pager.load(`before=${this.#rows.firstSeq}`, ({ events }) => {
      if (!events.length) return
      const heightPx = this.#view.scrollHeight
      this.#rows.prepend(events)
      this.#view.scrollTop += this.#view.scrollHeight - heightPx // the reader stays at the same row
      this.#rows.trimEnd()
    })
  }

  /** Load older rows when the rows do not fill the window: it could not be scrolled to load them. */
  #fillWindow() {
    const { scrollHeight, clientHeight } = this.#view
    if (scrollHeight <= clientHeight && this.#rows.isStartCut) this.#loadOlder()
  }

  #loadNewer() {
    this.#pager.load(`after=${this.#rows.lastSeq}`, ({ events, isAll }) => {
      this.#rows.append(events)
      const heightPx = this.#view.scrollHeight
      this.#rows.trimStart()
      this.#view.scrollTop -= heightPx - this.#view.scrollHeight // the reader stays at the same row
      if (!isAll) return
      // Events that the socket delivered meanwhile are in these rows, or follow on them.
      this.#buffer.dropUntil(this.#rows.lastSeq)
      this.#rows.isEndCut = false
    })
  }

  /** Show the rows after an event, wherever it is in the log. */
  #jump(after) {
    this.#pager.load(`after=${after}`, ({ events }) => {
      if (!events.length) {
        this.#follow()
        return
      }
      this.#unfollow()
      this.#rows.clear()
      this.#rows.append(events)
      this.#rows.isEndCut = true // what follows on them is loaded by scrolling
      this.#view.scrollTop = 0
      this.#view.focus()
    })
  }

  /** Show the newest rows, from the server. */
  #loadEnd() {
    const head = this.#live.cursor
    this.#pager.load(`before=${head + 1}`, ({ events }) => {
      this.#rows.clear()
      this.#buffer.dropUntil(head)
      this.#rows.append(events)
      this.#drawBuffer()
      this.#scrollToEnd()
    })
  }

  // --- The raw events of one row ---

  #clicked(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("pre")) return
    const row = this.#rows.rowOf(event.target.closest("li"))
    const isLink = event.target.closest("a")
    if (!row || (!isLink && !getSelection().isCollapsed)) return // text is being selected
    event.preventDefault()
    toggleRaw(row, (query, limit) => this.#pager.get(query, limit))
  }
}
