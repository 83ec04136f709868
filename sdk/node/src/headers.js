// The contract's headers: what is a well-formed value, and how they are read.
'use strict'

const { Malformed } = require('./errors')
const { VERSION_LIMIT } = require('./record')

const STATE_IN_HEADER = 4096 // bytes of state, before base64
const TTL_LIMIT = 10 * 366 * 86400 // seconds

// 16 bytes are 22 characters, the last of which has four spare bits: each id has one spelling.
const ID = /^[A-Za-z0-9_-]{21}[AQgw]$/
const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/
const OURS = /^limpet[-_]/i // CGI's rules would make the same variable of both

/**
 * Takes the contract's headers off a request (an http.IncomingMessage), so that the app does not see them, and
 * returns them by lower-case name. Node.js joins one that comes twice by a comma, which no value may hold.
 */
function take (req) {
  const ours = {}
  const given = req.headers
  const names = Object.keys(given)
  if (!names.some(isOurs)) return ours
  const theirs = {} // anew: an object of which something was deleted is slow from then on
  for (const name of names) {
    if (!isOurs(name)) theirs[name] = given[name]
    else if (name[6] === '-') ours[name] = String(given[name])
  }
  req.headers = theirs
  req.rawHeaders = withoutOurs(req.rawHeaders)
  return ours
}

/** The names and values of a flat list. */
function withoutOurs (raw) {
  const kept = []
  for (let at = 0; at < raw.length; at += 2) if (!isOurs(raw[at])) kept.push(raw[at], raw[at + 1])
  return kept
}

/** Whether a response's header is one that only the SDK may set. */
const isOurs = name => (name[0] === 'l' || name[0] === 'L') && OURS.test(name)

/** A session id. Throws Malformed unless it is 16 bytes as base64url without padding. */
function sessionId (text) {
  if (!ID.test(text)) throw new Malformed('a session id must be 16 bytes as base64url, 22 characters')
  return text
}

/** A decimal integer from `least` to below `limit`. Throws Malformed. */
function number (text, name, least, limit = VERSION_LIMIT) {
  const value = NUMBER.test(text) ? Number(text) : -1
  if (value < least || value >= limit) {
    throw new Malformed(`${name} must be an integer from ${least} to ${limit - 1}`)
  }
  return value
}

/** Seconds. Throws Malformed. */
const ttl = text => number(text, 'Limpet-TTL', 1, TTL_LIMIT)

/** Base64 with padding (RFC 4648, section 4) into bytes. Throws Malformed for any other spelling. */
function unpack (text, name) {
  const state = Buffer.from(text, 'base64')
  if (pack(state) !== text) throw new Malformed(`${name} must be base64 with padding`)
  return state
}

/** Bytes as base64 with padding. */
const pack = state => state.toString('base64')

/** What a request with a right key says of its session; null: it says nothing. Throws Malformed. */
function readRequest (ours) {
  if (Object.keys(ours).every(name => name === 'limpet-key')) return null
  const given = name => name in ours
  const state = given('limpet-state') ? unpack(ours['limpet-state'], 'Limpet-State') : undefined
  if (state !== undefined && state.length > STATE_IN_HEADER) {
    throw new Malformed(`Limpet-State must be at most ${STATE_IN_HEADER} bytes of state`)
  }
  return {
    version: number(ours['limpet-version'], 'Limpet-Version', state === undefined ? 0 : 1),
    state,
    id: sessionId(ours['limpet-session']),
    takeover: given('limpet-takeover') ? number(ours['limpet-takeover'], 'Limpet-Takeover', 1) : 0,
    ttl: ttl(ours['limpet-ttl']),
    stale: given('limpet-stale') ? number(ours['limpet-stale'], 'Limpet-Stale', 1) : 0
  }
}

/** `{after, limit}` of a list's query (without its `?`). Throws Malformed. */
function readPage (query, most) {
  const given = new URLSearchParams(query)
  const names = [...given.keys()]
  const known = names.every(name => name === 'after' || name === 'limit')
  const whole = !query || query.split('&').every(part => part.includes('='))
  if (!known || !whole || new Set(names).size < names.length) {
    throw new Malformed('the query must be after=ID&limit=N')
  }
  const after = given.get('after')
  const limit = number(given.get('limit') ?? String(most), 'limit', 1)
  return { after: after ? sessionId(after) : '', limit: Math.min(limit, most) }
}

module.exports = {
  STATE_IN_HEADER, TTL_LIMIT, take, isOurs, sessionId, number, ttl, unpack, pack, readRequest, readPage
}
