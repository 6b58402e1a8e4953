/** Shows a notification of the browser when a run ends, to who asked for one. The wish lasts as long as the tab. */
export class EndNotice {
  #runId
  #workflow
  #button
  #words
  #note

  constructor(menu) {
    this.#runId = menu.dataset.runId
    this.#workflow = menu.dataset.workflow
    this.#button = menu.querySelector("[data-end-notice-browser]")
    this.#words = menu.querySelector("[data-end-notice-words]")
    this.#note = menu.querySelector("[data-end-notice-note]")
  }

  start() {
    if (!("Notification" in window)) return // an insecure address, or a browser without them
    this.#button.hidden = false
    this.#button.addEventListener("click", () => this.#toggle())
    this.#draw()
    document.addEventListener("run:status", (event) => {
      if (event.detail.ended) this.#tell()
    })
  }

  get #key() {
    return `wfconsole:tell:${this.#runId}`
  }

  get #isWanted() {
    return sessionStorage.getItem(this.#key) !== null && Notification.permission === "granted"
  }

  async #toggle() {
    if (this.#isWanted) {
      sessionStorage.removeItem(this.#key)
    } else {
      // Asked on the press alone: who did not ask for anything is never asked.
      if (Notification.permission === "default") await Notification.requestPermission()
      if (Notification.permission === "granted") sessionStorage.setItem(this.#key, "1")
    }
    this.#draw()
  }

  #draw() {
    const isWanted = this.#isWanted
    this.#button.setAttribute("aria-pressed", String(isWanted))
    this.#words.textContent = isWanted ? "Do not notify me" : "Notify me here when it ends"
    if (Notification.permission === "denied") {
      this.#note.textContent = "This browser blocks notifications of this site; its settings can allow them"
    } else {
      this.#note.textContent = isWanted
        ? "A notification appears when it ends, while a tab with this run is open"
        : "By this browser, while a tab with this run is open"
    }
  }

  async #tell() {
    if (!this.#isWanted) return
    sessionStorage.removeItem(this.#key)
    const notification = new Notification(await this.#sentence(), {
      body: `Run ${this.#runId}`,
      tag: this.#key, // two tabs with the run show one
      icon: document.querySelector('link[rel="icon"]')?.href,
    })
    notification.addEventListener("click", () => {
      window.focus()
      notification.close()
    })
  }

  /** How the run ended, as its page's own title says: "Failed: order-fulfilment 01a2…". */
  async #sentence() {
    try {
      const answer = await fetch(`${location.pathname}?tab=state`, { headers: { "HX-Request": "true" } })
      const title = new DOMParser().parseFromString(await answer.text(), "text/html").title
      if (answer.ok && title) return title.replace(/ - wfconsole$/, "")
    } catch {
      // the server is away just now; that the run ended is known all the same
    }
    return `Ended: ${this.#workflow}`
  }
}
