/** The raw events of one row of a stream, opened below it. */

import { byteSize } from "../words.js"

const RAW_EVENTS = 500
const RAW_CHARACTERS = 262_144

/** Open a StreamRow, or close it. `get(query, limit)` asks the log, and gives `{ events }`. */
export async function toggleRaw(row, get) {
  const isOpen = row.element.classList.toggle("is-open")
  row.element.querySelector("a.seq").setAttribute("aria-expanded", String(isOpen))
  row.element.querySelector("pre.raw")?.remove()
  if (!isOpen) return
  const raw = document.createElement("pre")
  raw.className = "raw"
  raw.tabIndex = 0 // it may scroll
  raw.textContent = "…"
  row.element.append(raw)
  try {
    await show(row, raw, get)
  } catch {
    raw.textContent = "The server does not answer. Close and open it again."
  }
}

async function show(row, raw, get) {
  const count = Math.min(row.last - row.first + 1, RAW_EVENTS)
  const { events } = await get(`after=${row.first - 1}&last=${row.last}`, count)
  const text = events.map((event) => event.text).join("\n")
  raw.textContent = text.slice(0, RAW_CHARACTERS)
  if (text.length > RAW_CHARACTERS) raw.append(` … the first ${byteSize(RAW_CHARACTERS)}; the link shows the rest`)
}
