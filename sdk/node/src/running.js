// Which sessions have requests under way, so that a fence can let them send their heads first.
'use strict'

/** Requests between their admission and their response head, by session. */
class Running {
  constructor () {
    this._counts = new Map()
    this._waits = new Set()
  }

  /** Count a request in; false: a fence waits, so nobody is let in. */
  enter (id) {
    for (const wait of this._waits) if (wait.ids.has(id)) return false
    this._counts.set(id, (this._counts.get(id) || 0) + 1)
    return true
  }

  /** Count a request out: its head has been sent, or it has ended without. */
  leave (id) {
    const left = this._counts.get(id) - 1
    if (left > 0) {
      this._counts.set(id, left)
      return
    }
    this._counts.delete(id)
    for (const wait of this._waits) if (wait.ids.has(id) && !this._busy(wait.ids)) wait.over()
  }

  /**
   * Calls `run` once all requests of these sessions are out, after `seconds` at the latest; nobody new is let
   * in until `run` has returned.
   */
  wait (ids, seconds, run) {
    if (!this._busy(ids)) return run()
    const wait = {
      ids,
      over: () => {
        clearTimeout(timer)
        wait.over = () => {}
        run()
        this._waits.delete(wait)
      }
    }
    // Who takes longer will find the session gone when it saves, and say so.
    const timer = setTimeout(() => wait.over(), seconds * 1000)
    this._waits.add(wait)
  }

  _busy (ids) {
    for (const id of ids) if (this._counts.has(id)) return true
    return false
  }
}

module.exports = { Running }
