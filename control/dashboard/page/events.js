// What happened, the newest first, and the takeovers that are not over yet.

import { by, el, keyed, number, text } from './dom.js'

const KEPT = 200
const WORDS = { state: 'node', failover: 'takeover', log: 'log' }

export function showEvents (news) {
  const list = by('events')
  for (const event of news) {
    const at = new Date(event.time * 1000)
    list.prepend(el('li', { class: event.level },
      el('time', { datetime: at.toISOString(), title: at.toLocaleString() }, at.toLocaleTimeString([], { hour12: false })),
      el('b', {}, event.service || WORDS[event.kind] || event.kind), el('span', {}, event.text)))
  }
  while (list.children.length > KEPT) list.lastChild.remove()
  by('no-events').hidden = list.children.length > 0
}

export function showFailovers (failovers) {
  const telling = failovers.filter(each => each.served || each.moved)
  keyed(by('failovers'), telling, each => `${each.service}/${each.node}`, () => el('li'), (item, each) => {
    const safe = each.itself + each.peers + each.store
    const fresh = each.new ? `${number(each.new)} that were never written, ` : ''
    text(item, `${each.service}/${each.node} is ${each.cause}: ${number(each.moved)} of ${number(each.served)} sessions ` +
      `taken over, ${number(safe)} with their state, ${fresh}${number(each.lost)} lost`)
  })
}
