/** SHA-256 that grows with its input: the browser's own one takes a whole message at once. */

const ROUND = new Int32Array(64) // signed: the engine then keeps all sums in machine words
const START = new Int32Array(8)

// The constants are the first 32 bits of the fractional parts of the cube and square roots of the first primes.
for (let candidate = 2, found = 0; found < 64; candidate++) {
  let isPrime = true
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false
  if (!isPrime) continue
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32)
  if (found < 8) START[found] = fraction(Math.sqrt(candidate))
  ROUND[found++] = fraction(Math.cbrt(candidate))
}

const BLOCK_BYTES = 64

/** `update(bytes)` as often as needed; `hex()` tells the digest so far and may be followed by more. */
export class Sha256 {
  #state = START.slice()
  #words = new Int32Array(64)
  #rest = new Uint8Array(BLOCK_BYTES) // what does not fill a block yet
  #restBytes = 0
  #bytes = 0 // in all

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this.#bytes += bytes.length
    let at = 0
    if (this.#restBytes) {
      at = Math.min(BLOCK_BYTES - this.#restBytes, bytes.length)
      this.#rest.set(bytes.subarray(0, at), this.#restBytes)
      this.#restBytes += at
      if (this.#restBytes < BLOCK_BYTES) return this
      this.#block(this.#rest, 0)
      this.#restBytes = 0
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) this.#block(bytes, at)
    this.#rest.set(bytes.subarray(at))
    this.#restBytes = bytes.length - at
    return this
  }

  hex() {
    const end = new Sha256()
    end.#state.set(this.#state)
    end.#rest.set(this.#rest)
    end.#restBytes = this.#restBytes
    // A one bit, zeros, and the length in bits as 64 bits fill the last block.
    const zeros = (this.#restBytes < 56 ? 55 : 119) - this.#restBytes
    const tail = new Uint8Array(1 + zeros + 8)
    tail[0] = 0x80
    const view = new DataView(tail.buffer)
    view.setUint32(1 + zeros, Math.floor((this.#bytes * 8) / 2 ** 32))
    view.setUint32(5 + zeros, (this.#bytes * 8) >>> 0)
    end.update(tail)
    return Array.from(end.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
  }

  #block(bytes, start) {
    const w = this.#words
    for (let i = 0, at = start; i < 16; i++, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]
      const y = w[i - 2]
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
    }
    const s = this.#state
    let a = s[0]
    let b = s[1]
    let c = s[2]
    let d = s[3]
    let e = s[4]
    let f = s[5]
    let g = s[6]
    let h = s[7]
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    s[0] += a
    s[1] += b
    s[2] += c
    s[3] += d
    s[4] += e
    s[5] += f
    s[6] += g
    s[7] += h
  }
}
