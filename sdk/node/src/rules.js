// The node's rules, one session at a time: from what it has and what it is told to what it has then.
//
// Each rule takes the session's record (undefined: nothing is known) and returns the record to keep
// (undefined: leave all as it is) and its answer. Rules are pure.
'use strict'

const { SessionExhausted, SessionTooLarge } = require('./errors')
const { VERSION_LIMIT, NO_STATE, blank, lasting, mark } = require('./record')

const verdict = (status, version = 0, state = NO_STATE, serving = false) => ({ status, version, state, serving })
const refusal = (need, record) => ({ need, mark: mark(record) })

/**
 * Whether a request may go to the app: `{ticket}` with what it is let in, or `{need, mark}` why it is not.
 * `request`: {id, version, state, takeover, ttl, stale}, state undefined where none is handed over.
 */
function admit (record, request, now) {
  const held = record || blank(request.ttl, now)
  if (held.ended) return [undefined, refusal('id', held)]
  const known = withHanded(held, request)
  const since = tenure(held, known, request)
  if (!since) return [undefined, refusal('state', held)]
  const version = Math.max(since, known.version)
  const began = known === held && since === held.since ? held.began : now
  const expires = lasting(held, request.ttl, now)
  const kept = { ...known, version, since, began, ttl: request.ttl, expires }
  return [kept, { ticket: { version, state: kept.state, since, began } }]
}

/**
 * What is held once the state handed over is adopted, if it is newer.
 *
 * As new with other bytes counts as newer: what the proxy hands over was acknowledged, or is what the fences
 * returned, and the node's own is neither.
 */
function withHanded (held, { state, version }) {
  if (state === undefined || version < held.version) return held
  if (version === held.version && state.equals(held.state)) return held
  return { ...held, version, state, since: 0 }
}

/** With which version this node serves, from this request on or since before; 0: it may not. */
function tenure (held, known, request) {
  if (request.takeover) {
    // An old or missing copy must not become the new owner's state, so it has to be as new as asked for.
    const refused = request.takeover < held.fence || request.takeover <= known.version
    return refused || known.version < request.version ? 0 : request.takeover
  }
  if (known !== held) return known.version < held.fence ? 0 : known.version
  if (held.since && held.version >= request.version) return held.since
  const unknown = !held.version && held.fence <= 1
  return unknown && !request.version ? 1 : 0
}

/** Whether the node has served the session all the time since a request was let in. */
function valid (record, ticket) {
  return record !== undefined && record.since === ticket.since && record.began === ticket.began
}

/**
 * The state to save where the node now has `theirs`. `write`: {base, mine, whole, limit}: what the request was
 * let in with, what it made of it, whether that takes the place of everything, and bytes. Throws
 * SessionTooLarge.
 */
function over (write, merge, theirs) {
  const alone = write.whole || theirs.equals(write.base)
  const state = alone ? write.mine : merge(write.base, write.mine, theirs)
  if (state.length > write.limit && !state.equals(theirs)) throw new SessionTooLarge(state.length, write.limit)
  return state
}

/**
 * Saves what a request wrote: {version, state} as the session now is; null: discarded, for it has ended or
 * moved on since the request came in. Throws SessionTooLarge, SessionExhausted.
 */
function save (record, ticket, write, merge, ttl, now) {
  if (!valid(record, ticket)) return [undefined, null]
  const state = over(write, merge, record.state)
  if (state.equals(record.state)) return [undefined, { version: record.version, state }]
  const version = next(record.version)
  return [{ ...record, version, state, ttl, expires: lasting(record, ttl, now) }, { version, state }]
}

/** The end of the old id, and the record of the new one, which goes on counting where the old one was. */
function renew (old, ticket, write, merge, ttl, now) {
  if (!valid(old, ticket)) return [undefined, undefined, null]
  const version = next(old.version)
  const state = over(write, merge, old.state)
  const fresh = { ...blank(ttl, now + ttl), version, state, since: version, began: now }
  return [end(old, ttl, now), fresh, { version, state }]
}

function next (version) {
  if (version + 1 >= VERSION_LIMIT) throw new SessionExhausted()
  return version + 1
}

/** Ends the session for the app; false: discarded, as a save would be. */
function leave (record, ticket, ttl, now) {
  return valid(record, ticket) ? [end(record, ttl, now), true] : [undefined, false]
}

/** The mark of an end, remembered for `ttl` seconds at least. */
function end (record, ttl, now) {
  const held = record || blank(ttl, now)
  const { version, fence } = held
  return { ...blank(ttl, lasting(held, ttl, now)), version, fence, ended: true }
}

/** 200 with the session, 404, or 410 ended. */
function get (record) {
  if (!record || !(record.version || record.ended)) return verdict(404)
  if (record.ended) return verdict(410)
  return verdict(200, record.version, record.state, record.since > 0)
}

/** Takes a copy: 204, 409 with what stands against it, or 410. The node does not serve it from then on. */
function put (record, version, state, ttl, now) {
  const held = record || blank(ttl, now)
  if (held.ended) return [undefined, verdict(410)]
  const other = held.version === version && !held.state.equals(state)
  if (mark(held) > version || other) return [undefined, verdict(409, mark(held))]
  const expires = lasting(held, ttl, now)
  return [{ ...held, version, state, since: 0, ttl, expires }, verdict(204)]
}

/** Keeps a copy of at least `version`: 204, 404 with the version held if that is older, or 410. */
function touch (record, version, ttl, now) {
  if (record && record.ended) return [undefined, verdict(410)]
  if (!record || record.version < version) return [undefined, verdict(404, record ? record.version : 0)]
  return [{ ...record, ttl, expires: lasting(record, ttl, now) }, verdict(204, record.version)]
}

/** Nothing below `number` from now on: as `get`, or 409 with what stands against it, or 410. */
function fence (record, number, ttl, now) {
  const held = record || blank(ttl, now)
  if (held.ended) return [undefined, verdict(410)]
  if (number <= mark(held)) return [undefined, verdict(409, mark(held))]
  const kept = { ...held, since: 0, fence: number, expires: lasting(held, ttl, now) }
  return [kept, get(kept)]
}

module.exports = { admit, valid, save, renew, leave, end, get, put, touch, fence, verdict }
