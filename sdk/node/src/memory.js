// Keeps the records of one process in its memory.
'use strict'

const { randomBytes } = require('node:crypto')

const LOOKED_AT = 4 // records a call, in order of id, round and round: nobody pays for forgetting many at once

/** Records by session id. One whose `expires` is not after `now` does not exist any more. */
class MemoryStorage {
  constructor () {
    this.name = randomBytes(16).toString('hex') // of this node: two with one name are one
    this._records = new Map()
    this._order = [] // ids, sorted
    this._next = 0 // where in it to look for what may be forgotten
  }

  get size () {
    return this._records.size
  }

  /** Run a rule on one session and keep the record that it returns, if any; what it throws changes nothing. */
  change (id, now, rule) {
    this._forget(now)
    const [kept, result] = rule(this.find(id, now))
    if (kept) this._keep(id, kept)
    return result
  }

  /** Run a rule on the old session; it returns what to keep for the old id and for the new one. */
  renew (oldId, newId, now, rule) {
    this._forget(now)
    const [old, fresh, result] = rule(this.find(oldId, now))
    if (old) this._keep(oldId, old)
    if (fresh) this._keep(newId, fresh)
    return result
  }

  /** One session. */
  find (id, now) {
    const record = this._records.get(id)
    return record && record.expires > now ? record : undefined
  }

  /** The next sessions in order of id, at most `limit`, as [id, record], without those that are but a fence. */
  page (after, limit, now) {
    const found = []
    for (let at = this._place(after, true); at < this._order.length && found.length < limit; at++) {
      const record = this.find(this._order[at], now)
      if (record && (record.version || record.ended)) found.push([this._order[at], record])
    }
    return found
  }

  _keep (id, record) {
    if (!this._records.has(id)) {
      const at = this._place(id)
      this._order.splice(at, 0, id)
      if (at < this._next) this._next++
    }
    this._records.set(id, record)
  }

  _forget (now) {
    for (let looked = 0; looked < LOOKED_AT && this._order.length; looked++) {
      if (this._next >= this._order.length) this._next = 0
      const id = this._order[this._next]
      if (this._records.get(id).expires > now) {
        this._next++
      } else {
        this._order.splice(this._next, 1)
        this._records.delete(id)
      }
    }
  }

  /** Where in the order an id is, or would be; `behind`: the place after it. */
  _place (id, behind = false) {
    let low = 0
    let high = this._order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const before = behind ? this._order[middle] <= id : this._order[middle] < id
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }
}

module.exports = { MemoryStorage }
