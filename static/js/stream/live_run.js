/**
 * Follows one run: a socket with a cursor, that comes back by itself after a lost connection, or plain GET requests
 * where sockets do not get through. What it takes in has no gap and no duplicate; docs/live.md tells the protocol.
 */

import { grouped } from "../words.js"
import { cutFrame, RunEvent } from "./event_text.js"
import { StreamPanel } from "./panel.js"

const RETRY_MS = 500 // before the second try; doubled with each one that fails
const RETRY_MAX_MS = 15_000
const SILENCE_MS = 40_000 // the server tells its heart beat every 15 s
const POLL_MS = 2_000
const POLL_EVENTS = 500
const SOCKET_TRIES = 3 // sockets that never said a word, before plain requests are tried
const SOCKET_AGAIN_MS = 60_000
const STEPS_MS = 400 // between two "run:steps"
const CATCHING_UP = 200 // events behind the log's end, from which the page says so
const COUNT_MS = 250 // between two counts of how many; each has the browser lay out and paint
const HOLE_TRIES = 3
const ANSWER_MS = 2_000 // so long, what was under way before the server heard a new cursor is passed over

const RUN_TYPES = /^workflow-(start|resume|restart|time-travel|suspended|paused|canceled|finish)$/

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

/**
 * Listeners get every event once and in order: `live.listen({ take(events, live), state(name), ended() })`.
 * The element tells the rest of the page by `run:events`, `run:steps` and `run:status`.
 */
export class LiveRun {
  #element
  #socketUrl
  #eventsUrl
  #shown // the newest event that the server had rendered into the page
  #cursor
  #head // the newest event that is known of
  #ended = false
  #stopped = false
  #socket = null
  #heard = 0 // when the socket last said something
  #failures = 0
  #silentSockets = 0
  #socketAgainAt = 0
  #retryAt = 0
  #timer = null
  #clock = null
  #holes = 0 // times that the server was asked for what is missing at the cursor
  #askedAt = 0
  #stepsAt = 0
  #stepsTimer = null
  #countedAt = -Infinity
  #listeners = []
  #voice
  #said = ""

  constructor(element) {
    const data = element.dataset
    this.#element = element
    this.#socketUrl = data.socketUrl
    this.#eventsUrl = data.eventsUrl
    this.#shown = this.#head = Number(data.lastSeq)
    this.#cursor = Number(data.from ?? data.lastSeq)
    this.#voice = element.querySelector("[data-run-voice]")
  }

  get cursor() {
    return this.#cursor
  }

  /** The newest event of the log that the page knows of. */
  get head() {
    return this.#head
  }

  get eventsUrl() {
    return this.#eventsUrl
  }

  listen(listener) {
    this.#listeners.push(listener)
  }

  start() {
    this.#clock = setInterval(() => this.#tick(), 1000)
    addEventListener("online", this.#wake)
    document.addEventListener("visibilitychange", this.#wake)
    this.#connect()
  }

  /** Read the log again from its first event. */
  restart() {
    this.#cursor = 0
    this.#ended = false
    this.#holes = 0
    if (this.#socket?.readyState === WebSocket.OPEN) this.#resume()
    else this.#connect()
  }

  stop() {
    this.#stopped = true
    this.#hangUp()
    clearInterval(this.#clock)
    clearTimeout(this.#timer)
    clearTimeout(this.#stepsTimer)
    removeEventListener("online", this.#wake)
    document.removeEventListener("visibilitychange", this.#wake)
  }

  #wake = () => {
    if (this.#retryAt && document.visibilityState === "visible") this.#connect()
  }

  /** Once a second: the words of the pill, and whether the line has gone dead without saying so. */
  #tick() {
    if (!this.#element.isConnected) this.stop()
    else if (this.#retryAt) this.#showState("lost")
    else if (this.#socket && Date.now() - this.#heard > SILENCE_MS) this.#lose()
  }

  // --- The socket ---

  #connect() {
    clearTimeout(this.#timer)
    this.#retryAt = 0
    if (this.#stopped || this.#ended) return
    this.#hangUp()
    const url = new URL(this.#socketUrl, location.href)
    url.protocol = url.protocol.replace("http", "ws")
    const socket = new WebSocket(url)
    let spoke = false
    this.#socket = socket
    this.#heard = Date.now()
    socket.onopen = () => socket.send(`{"resume":${this.#cursor}}`)
    socket.onmessage = (message) => {
      if (this.#socket !== socket) return
      if (!spoke) {
        spoke = true
        this.#silentSockets = this.#failures = 0
      }
      this.#heard = Date.now()
      this.#hear(message.data)
    }
    socket.onclose = () => {
      if (this.#socket !== socket) return
      // A socket may stay silent for long when nothing happens; only one that never opened counts as silent.
      if (!spoke && Date.now() - this.#heard < SILENCE_MS / 4) this.#silentSockets++
      this.#lose()
    }
  }

  #hangUp() {
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  #lose() {
    this.#hangUp()
    if (this.#ended || this.#stopped) return
    if (this.#silentSockets >= SOCKET_TRIES && Date.now() >= this.#socketAgainAt) {
      this.#socketAgainAt = Date.now() + SOCKET_AGAIN_MS
      this.#poll()
      return
    }
    this.#retry(() => this.#connect())
  }

  /** Try later: half a second first, then ever longer, and never all pages at the same moment. */
  #retry(act) {
    const most = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.#failures++)
    const wait = most * (0.5 + Math.random() / 2)
    this.#retryAt = Date.now() + wait
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, wait)
    this.#showState("lost")
  }

  #hear(text) {
    const { lines, around } = cutFrame(text)
    if (around.error) {
      this.#refused(around.error)
    } else if (lines.length) {
      this.#head = Math.max(this.#head, around.head ?? around.last)
      this.#take(lines)
      // Taken in, not drawn: a hidden page draws nothing, and must not fall behind for that.
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(`{"ack":${this.#cursor}}`)
      this.#showState("live")
    } else if (around.heartbeat) {
      this.#head = Math.max(this.#head, around.last)
      this.#showState("live")
    } else if (around.end !== undefined) {
      if (around.end > this.#cursor) this.#ask()
      else this.#end()
    }
  }

  /** The server will not have it: not signed in, no such run, or a cursor beyond a log that was set back. */
  #refused(error) {
    this.stop()
    this.#show("is-lost", error.code === 4401 ? "Signed out" : "Disconnected", error.message)
  }

  // --- Plain requests ---

  async #poll() {
    if (this.#stopped) return
    this.#retryAt = 0
    try {
      const url = `${this.#eventsUrl}?after=${this.#cursor}&limit=${POLL_EVENTS}&values=stored`
      const answer = await fetch(url, { headers: { Accept: "application/json" } })
      if (!answer.ok) throw new Error(`${answer.status}`)
      const { lines, around } = cutFrame(await answer.text())
      this.#failures = 0
      this.#head = Math.max(this.#head, around.head)
      this.#take(lines)
      this.#showState("live")
      if (around.ended && this.#cursor >= around.head) this.#end()
      else if (Date.now() >= this.#socketAgainAt) this.#connect()
      else this.#timer = setTimeout(() => this.#poll(), lines.length < POLL_EVENTS ? POLL_MS : 0)
    } catch {
      this.#retry(() => this.#connect())
    }
  }

  // --- What has come ---

  #take(lines) {
    const events = []
    for (const line of lines) {
      const event = new RunEvent(line)
      if (event.seq <= this.#cursor) continue
      if (event.seq !== this.#cursor + 1 && this.#ask()) break
      this.#askedAt = 0
      this.#cursor = event.seq
      events.push(event)
    }
    if (!events.length) return
    this.#holes = 0
    for (const listener of this.#listeners) listener.take(events)
    this.#tell(events.filter((event) => event.seq > this.#shown))
  }

  /** Ask again from the cursor, for a hole; false when the server was asked often enough and has no more. */
  #ask() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    if (Date.now() - this.#askedAt < ANSWER_MS) return true
    if (this.#holes++ >= HOLE_TRIES) return false
    this.#resume()
    return true
  }

  #resume() {
    this.#askedAt = Date.now()
    this.#socket.send(`{"resume":${this.#cursor}}`)
  }

  #tell(events) {
    if (!events.length) return
    const last = events[events.length - 1].seq
    this.#fire("run:events", { first: events[0].seq, last, count: events.length })
    if (events.some((event) => !event.isChunk)) this.#tellSteps(last)
    const turn = events.findLast((event) => RUN_TYPES.test(event.type))
    if (turn) this.#fire("run:status", { seq: turn.seq, type: turn.type, ended: false })
  }

  #tellSteps(seq) {
    clearTimeout(this.#stepsTimer)
    const wait = this.#stepsAt + STEPS_MS - Date.now()
    this.#stepsTimer = setTimeout(
      () => {
        this.#stepsAt = Date.now()
        this.#fire("run:steps", { seq })
      },
      Math.max(0, wait),
    )
  }

  #end() {
    this.#ended = true
    this.#hangUp()
    clearTimeout(this.#timer)
    clearInterval(this.#clock)
    for (const listener of this.#listeners) listener.ended?.()
    this.#show("is-ended", "Ended", "The run has ended; this page shows all of it.")
    if (this.#cursor > this.#shown) this.#fire("run:status", { seq: this.#cursor, type: "end", ended: true })
  }

  #fire(name, detail) {
    this.#element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }))
  }

  // --- The pill ---

  #showState(state) {
    const behind = this.#head - this.#cursor
    if (state === "lost") {
      const seconds = Math.max(0, Math.ceil((this.#retryAt - Date.now()) / 1000))
      this.#show("is-lost", seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting", "The connection was lost.")
    } else if (this.#ended) {
      return
    } else if (behind > CATCHING_UP) {
      if (performance.now() - this.#countedAt < COUNT_MS) return
      this.#countedAt = performance.now()
      this.#show("is-catching", `Catching up ${grouped(behind)}`, `${grouped(behind)} events are still to come.`)
    } else {
      const way = this.#socket ? "Events arrive as they happen." : "Sockets do not get through: asked every 2 s."
      this.#show("", "Live", way)
    }
  }

  #show(name, words, title) {
    const pill = document.querySelector("[data-run-conn]") // looked for each time: the head is swapped
    if (pill && (pill.textContent !== words || pill.hidden)) {
      pill.className = `wf-conn ${name}`.trim()
      pill.textContent = words
      pill.title = title
      pill.hidden = false
    }
    const said = { "is-lost": "Connection lost", "is-ended": "The run has ended" }[name] ?? "Connected"
    if (this.#voice && this.#said !== said) {
      if (this.#said) this.#voice.textContent = said // the first state is no news
      this.#said = said
    }
  }
}
