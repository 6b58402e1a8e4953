/** One WebSocket to the events of a run. docs/live.md describes the protocol. */

const SILENCE_MS = 40_000 // the server sends a heartbeat every 15 s

export class RunSocket {
  #socket
  #receivedAtMs = Date.now() // the last message, or the start
  #hasReceived = false
  #isClosed = false

  /** `listener`: `{ opened(), received(text), closed() }`; none is called after close(). */
  constructor(path, listener) {
    const url = new URL(path, location.href)
    url.protocol = url.protocol.replace("http", "ws")
    this.#socket = new WebSocket(url)
    this.#socket.onopen = () => {
      if (!this.#isClosed) listener.opened()
    }
    this.#socket.onmessage = (message) => {
      if (this.#isClosed) return
      this.#receivedAtMs = Date.now()
      this.#hasReceived = true
      listener.received(message.data)
    }
    this.#socket.onclose = () => {
      if (!this.#isClosed) listener.closed()
    }
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** Whether the server has sent nothing for longer than its heartbeat allows. */
  get isSilent() {
    return Date.now() - this.#receivedAtMs > SILENCE_MS
  }

  /** Whether it failed before its first message. One that was quiet for long may have had nothing to receive. */
  get failedAtOnce() {
    return !this.#hasReceived && Date.now() - this.#receivedAtMs < SILENCE_MS / 4
  }

  /** Request the events after `seq`. */
  resume(seq) {
    this.#socket.send(`{"resume":${seq}}`)
  }

  acknowledge(seq) {
    this.#socket.send(`{"ack":${seq}}`)
  }

  close() {
    this.#isClosed = true
    this.#socket.close()
  }
}
