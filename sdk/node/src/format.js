// Between the app's data and the contract's bytes: the format, and what becomes of two writes at once.
'use strict'

const { NO_STATE } = require('./record')
const { Sealed } = require('./sealed')

const PARTS = Symbol('limpet-session parts') // of a state that was packed here: [key, value], objects sealed
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** JSON: nothing in a state can run code, and every other language reads it. */
const json = {
  serialize: data => JSON.stringify(data),
  deserialize: state => JSON.parse(utf8.decode(state))
}

const isObject = data => typeof data === 'object' && data !== null && !Array.isArray(data)

/** A serializer for which no state is the empty session, and that can bring two writes together. */
class Format {
  /** `serializer`: {serialize(data) -> string or bytes, deserialize(Buffer) -> data}; `node:v8` is one. */
  constructor (serializer = json) {
    for (const name of ['serialize', 'deserialize']) {
      if (typeof serializer[name] !== 'function') throw new TypeError(`a serializer must have \`${name}\``)
    }
    this._serializer = serializer
    this._inParts = serializer === json
    this.merge = this.merge.bind(this)
  }

  /** The state of a session: bytes. `data`: as from `open`, or anybody's. */
  pack (data) {
    if (this._inParts) return packParts(data)
    const plain = { ...data } // and nothing else: some formats refuse other prototypes
    if (!Object.keys(plain).length) return NO_STATE
    const packed = this._serializer.serialize(plain)
    return packed === '{}' ? NO_STATE : Buffer.from(packed) // JSON leaves out what is undefined
  }

  /**
   * A session's data for a request, with its objects Sealed where that is known. To read 2 KB of them and write
   * them again was the most that the SDK did for a request, and most requests look at few.
   */
  open (state) {
    return state[PARTS] ? joined(state[PARTS]) : this.unpack(state)
  }

  /** Whether packing `data` would give `state`. */
  gives (data, state) {
    const parts = state[PARTS]
    return parts ? sameParts(data, parts) : this.pack(data).equals(state)
  }

  /** A session's data from its state, whole. */
  unpack (state) {
    if (!state.length) return {}
    const data = this._serializer.deserialize(state)
    if (!isObject(data)) throw new TypeError('the state of a session must be an object')
    return data
  }

  /**
   * `theirs` with every key as in `mine` that differs between `base` and `mine`.
   *
   * Keys are the topmost ones; where both wrote the same key the later save wins. Values are compared in their
   * packed form.
   */
  merge (base, mine, theirs) {
    const before = new Map(Object.entries(this.unpack(base)))
    const after = new Map(Object.entries(this.unpack(mine)))
    const merged = new Map(Object.entries(this.unpack(theirs)))
    for (const key of before.keys()) if (!after.has(key)) merged.delete(key)
    for (const [key, value] of after) {
      if (!before.has(key) || this._differ(value, before.get(key))) merged.set(key, value)
    }
    return this.pack(Object.fromEntries(merged))
  }

  _differ (one, other) {
    return !this.pack({ value: one }).equals(this.pack({ value: other }))
  }
}

/** As JSON.stringify({ ...data }), which leaves out what has no JSON. */
function packParts (data) {
  const parts = []
  let text = ''
  for (const key of Object.keys(data)) {
    const value = data[key]
    const sealed = value instanceof Sealed
    const said = sealed ? value.text : JSON.stringify(value)
    if (said === undefined) continue
    text += `${text ? ',' : '{'}${JSON.stringify(key)}:${said}`
    parts.push([key, sealed ? value : part(value, said)])
  }
  if (!parts.length) return NO_STATE
  const state = Buffer.from(text + '}')
  state[PARTS] = parts
  return state
}

/** Whether packParts would come to these parts: without making them, and no text of what nobody has looked at. */
function sameParts (data, parts) {
  let at = 0
  for (const key of Object.keys(data)) {
    const value = data[key]
    const [name, known] = parts[at] || []
    if (key !== name || value !== known) {
      const said = value instanceof Sealed ? value.text : JSON.stringify(value)
      if (said === undefined) continue
      if (key !== name || said !== (known instanceof Sealed ? known.text : JSON.stringify(known))) return false
    }
    at++
  }
  return at === parts.length
}

/** What reading `said`, the JSON of `value`, would give; sealed if it is an object. */
function part (value, said) {
  if (typeof value === 'string') return value
  return said[0] === '{' || said[0] === '[' ? new Sealed(said) : JSON.parse(said)
}

function joined (parts) {
  const data = {}
  for (const [key, value] of parts) {
    if (key !== '__proto__') data[key] = value
    else Object.defineProperty(data, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return data
}

module.exports = { Format }
