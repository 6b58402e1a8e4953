/** Follows one run. Listeners get its events without gaps and duplicates; docs/live.md describes the protocol. */

import { RunConnection } from "./connection.js"
import { ConnectionPill } from "./connection_pill.js"
import { EventCursor } from "./cursor.js"
import { StreamPanel } from "./panel.js"
import { RunSignals } from "./run_signals.js"

const CHECK_MS = 1_000 // the countdown of the pill, and the check for a silent socket

/** Follow the run of each [data-live-run] below `root` that is not followed yet. */
export function startLiveRuns(root = document) {
  const found = [...root.querySelectorAll("[data-live-run]")]
  if (root instanceof Element && root.matches("[data-live-run]")) found.push(root)
  for (const element of found) {
    if (element.dataset.liveRun === "on") continue
    element.dataset.liveRun = "on"
    const live = new LiveRun(element)
    if (element.querySelector("[data-stream]")) new StreamPanel(element, live)
    live.start()
  }
}

/** Listeners get every event once and in order: `live.listen({ take(events), ended() })`. */
export class LiveRun {
  #element
  #cursor
  #connection
  #pill
  #signals
  #listeners = []
  #isEnded = false
  #timer = null

  constructor(element) {
    const data = element.dataset
    const renderedSeq = Number(data.lastSeq)
    this.#element = element
    this.eventsUrl = data.eventsUrl
    this.#cursor = new EventCursor(Number(data.from ?? data.lastSeq), renderedSeq)
    this.#connection = new RunConnection(data, this)
    this.#pill = new ConnectionPill(element.querySelector("[data-run-voice]"))
    this.#signals = new RunSignals(element, renderedSeq)
  }

  /** The seq of the last event that was received. */
  get cursor() {
    return this.#cursor.seq
  }

  /** The seq of the newest event of the log that the page knows of. */
  get head() {
    return this.#cursor.head
  }

  listen(listener) {
    this.#listeners.push(listener)
  }

  start() {
    addEventListener("online", this.#retryNow)
    document.addEventListener("visibilitychange", this.#retryNow)
    this.#open()
  }

  /** Read the log again from its first event. */
  restart() {
    this.#cursor.reset()
    this.#isEnded = false
    if (this.#connection.isOpen) this.#cursor.request(this.#connection)
    else this.#open()
  }

  stop() {
    this.#connection.stop()
    this.#signals.stop()
    this.#stopTimer()
    removeEventListener("online", this.#retryNow)
    document.removeEventListener("visibilitychange", this.#retryNow)
  }

  #open() {
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS)
    this.#connection.open()
  }

  #stopTimer() {
    clearInterval(this.#timer)
    this.#timer = null
  }

  #retryNow = () => {
    if (document.visibilityState === "visible") this.#connection.retryNow()
  }

  #check() {
    if (!this.#element.isConnected) this.stop()
    else if (this.#connection.isLost) this.connectionLost()
    else this.#connection.checkSilence()
  }

  // --- Called by the connection ---

  connectionLost() {
    this.#pill.showLost(this.#connection.retryInMs)
  }

  receive({ lines, around }) {
    if (around.error) {
      this.stop() // not signed in, no such run, or a cursor beyond the end of a log that was set back
      this.#pill.showRefused(around.error)
    } else if (lines.length) {
      this.#cursor.raiseHead(around.head ?? around.last)
      this.#accept(lines)
      // Received, not drawn: a hidden page draws nothing, and must not fall behind for that.
      this.#connection.acknowledge(this.#cursor.seq)
      this.#showLive()
    } else if (around.heartbeat) {
      this.#cursor.raiseHead(around.last)
      this.#showLive()
    } else if (around.end !== undefined) {
      if (around.end > this.#cursor.seq) this.#cursor.requestMissing(this.#connection)
      else this.#end()
    }
  }

  receivePage({ lines, around }) {
    this.#cursor.raiseHead(around.head)
    this.#accept(lines)
    this.#showLive()
    if (around.ended && this.#cursor.seq >= around.head) this.#end()
  }

  #accept(lines) {
    const events = this.#cursor.accept(lines, this.#connection)
    if (!events.length) return
    for (const listener of this.#listeners) listener.take(events)
    this.#signals.events(events)
  }

  #showLive() {
    if (this.#isEnded) return
    this.#pill.showLive({ behind: this.#cursor.head - this.#cursor.seq, usesSocket: this.#connection.usesSocket })
  }

  #end() {
    this.#isEnded = true
    this.#connection.close()
    this.#stopTimer()
    for (const listener of this.#listeners) listener.ended()
    this.#pill.showEnded()
    this.#signals.end(this.#cursor.seq)
  }
}
