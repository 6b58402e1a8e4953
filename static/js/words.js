/** Figures in the words of the console, as the template filters of the same names write them. */

/** A whole number in groups of three: 8 412, with spaces that do not break. */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u00a0")
}

/** A count of bytes in units of 1000: 612 B, 3.4 kB, 3.1 MB. */
export function byteSize(bytes) {
  if (bytes < 1000) return `${bytes} B`
  let size = bytes
  for (const unit of ["kB", "MB", "GB"]) {
    size /= 1000
    if (size < 999.95) return `${size.toFixed(1)} ${unit}`
  }
  return `${(size / 1000).toFixed(1)} TB`
}

/** An id or digest cut in the middle: 9f2c41d0…f35d0ae1. */
export function cutId(text) {
  return text.length <= 20 ? text : `${text.slice(0, 8)}…${text.slice(-8)}`
}

/** Milliseconds since the run's start, in at most six characters: +11.62, +142.1, +14203. */
export function offset(ms) {
  const hundredths = Math.floor(Math.max(0, ms) / 10)
  if (hundredths < 10_000) return `+${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`
  if (hundredths < 100_000) return `+${Math.floor(hundredths / 100)}.${Math.floor(hundredths / 10) % 10}`
  return `+${Math.floor(hundredths / 100)}`
}
