/**
 * The connection of a page to one run: a socket that is opened again after it was lost, or plain GET requests where
 * sockets do not get through.
 */

import { cutFrame } from "./event_text.js"
import { RunSocket } from "./socket.js"

const RETRY_MS = 500 // before the second try; doubled with each one that fails
const RETRY_MAX_MS = 15_000
const POLL_MS = 2_000
const POLL_EVENTS = 500
const SOCKET_TRIES = 3 // sockets that received nothing, before plain requests are tried
const SOCKET_RETRY_MS = 60_000 // from the first plain request to the next socket

export class RunConnection {
  #socketUrl
  #eventsUrl
  #owner
  #socket = null
  #isClosed = true
  #isStopped = false
  #failures = 0 // in a row
  #silentSockets = 0
  #socketRetryAtMs = 0
  #retryAtMs = 0 // 0: no retry is due
  #timer = null

  /**
   * `owner`: `cursor` is the seq to continue after; `receive({ lines, around })` gets each frame of the socket;
   * `receivePage({ lines, around })` gets each response of a GET; `connectionLost()` is called when a retry is due.
   */
  constructor({ socketUrl, eventsUrl }, owner) {
    this.#socketUrl = socketUrl
    this.#eventsUrl = eventsUrl
    this.#owner = owner
  }

  /** Whether events can be requested by resume(). */
  get isOpen() {
    return this.#socket?.isOpen ?? false
  }

  get usesSocket() {
    return this.#socket !== null
  }

  get isLost() {
    return this.#retryAtMs > 0
  }

  /** Milliseconds until the next try. */
  get retryInMs() {
    return Math.max(0, this.#retryAtMs - Date.now())
  }

  open() {
    this.#isClosed = this.#isStopped
    this.#connect()
  }

  /** Close the connection; open() opens it again. */
  close() {
    this.#isClosed = true
    this.#dropSocket()
    clearTimeout(this.#timer)
  }

  /** Close the connection for good. */
  stop() {
    this.#isStopped = true
    this.close()
  }

  resume(seq) {
    this.#socket.resume(seq)
  }

  acknowledge(seq) {
    if (this.isOpen) this.#socket.acknowledge(seq)
  }

  /** Try at once if a retry is due later. */
  retryNow() {
    if (this.isLost) this.#connect()
  }

  /** Retry when the socket is silent although it seems open. */
  checkSilence() {
    if (this.#socket?.isSilent) this.#lose()
  }

  #connect() {
    clearTimeout(this.#timer)
    this.#retryAtMs = 0
    if (this.#isClosed) return
    this.#dropSocket()
    const socket = new RunSocket(this.#socketUrl, {
      opened: () => socket.resume(this.#owner.cursor),
      received: (text) => {
        this.#silentSockets = this.#failures = 0
        this.#owner.receive(cutFrame(text))
      },
      closed: () => {
        if (socket.failedAtOnce) this.#silentSockets++
        this.#lose()
      },
    })
    this.#socket = socket
  }

  #dropSocket() {
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  #lose() {
    this.#dropSocket()
    if (this.#silentSockets >= SOCKET_TRIES && Date.now() >= this.#socketRetryAtMs) {
      this.#socketRetryAtMs = Date.now() + SOCKET_RETRY_MS
      this.#poll()
    } else {
      this.#retryLater()
    }
  }

  /** Exponential backoff with jitter: pages that lost the same server do not all come back at the same moment. */
  #retryLater() {
    const longestMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.#failures++)
    const waitMs = longestMs * (0.5 + Math.random() / 2)
    this.#retryAtMs = Date.now() + waitMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), waitMs)
    this.#owner.connectionLost()
  }

  async #poll() {
    if (this.#isClosed) return
    this.#retryAtMs = 0
    try {
      const url = `${this.#eventsUrl}?after=${this.#owner.cursor}&limit=${POLL_EVENTS}&values=stored`
      const response = await fetch(url, { headers: { Accept: "application/json" } })
      if (!response.ok) throw new Error(`${response.status}`)
      const frame = cutFrame(await response.text())
      this.#failures = 0
      this.#owner.receivePage(frame)
      if (this.#isClosed) return
      if (Date.now() >= this.#socketRetryAtMs) this.#connect()
      else this.#timer = setTimeout(() => this.#poll(), frame.lines.length < POLL_EVENTS ? POLL_MS : 0)
    } catch {
      if (!this.#isClosed) this.#retryLater()
    }
  }
}
