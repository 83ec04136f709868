// The ring, drawn: which node takes which part of it, and, inside, where the sessions are.

import { colour, el, keyed, number, STATES, svg, text } from './dom.js'

const OUTER = [128, 150]
const INNER = [88, 118]
const MOVE_MILLISECONDS = 700
const still = matchMedia('(prefers-reduced-motion: reduce)')

export class Ring {
  constructor (place, legend) {
    this.legend = legend
    this.parts = svg('g')
    this.arcs = svg('g')
    this.names = svg('g')
    this.count = svg('text', { class: 'big', y: 2 })
    this.under = svg('text', { class: 'small', y: 24 }, 'sessions')
    this.picture = svg('svg', { viewBox: '-156 -156 312 312', role: 'img' },
      this.parts, this.arcs, this.names, this.count, this.under)
    place.append(this.picture)
    this.now = [] // the arcs as they are drawn, in radians
    this.service = null
  }

  show (service, nodes, ring) {
    const other = this.service !== service.service
    this.service = service.service
    const order = ring ? ring.nodes : nodes.map(node => node.node)
    if (ring) this.showParts(ring, other)
    const known = nodes.map(node => ({
      node, at: order.indexOf(node.node), sessions: node.sessions_served ?? node.sessions, part: part(ring, node.node)
    }))
    this.move(known, other)
    text(this.count, number(service.sessions))
    this.showLegend(known)
    const parts = known.map(each => `${each.node.node} ${each.node.state}, ${each.part}, ${each.sessions} sessions`)
    this.picture.setAttribute('aria-label', `Ring of ${service.service}: ${parts.join('; ')}`)
  }

  // A part that changes hands takes its new colour a little later than the one before it: the eye sees it go.
  showParts (ring, other) {
    const full = 2 * Math.PI / ring.owners.length
    if (other || this.parts.children.length !== ring.owners.length) {
      this.parts.replaceChildren(...ring.owners.map((_, at) =>
        svg('path', { d: band(OUTER, at * full, (at + 1) * full - 0.004) })))
    }
    if (this.shown === ring && !other) return
    this.shown = ring
    ring.owners.forEach((owner, at) => {
      const path = this.parts.children[at]
      path.style.transitionDelay = `${at * 3}ms`
      path.style.fill = owner < 0 ? '' : colour(owner)
      path.setAttribute('class', owner < 0 ? 'nobody' : '')
    })
  }

  move (known, other) {
    const all = known.reduce((sum, each) => sum + each.sessions, 0)
    let from = 0
    const aim = known.map(each => {
      const to = from + (all ? each.sessions / all * 2 * Math.PI : 0)
      const arc = { key: each.node.node, at: each.at, from, to }
      from = to
      return arc
    })
    if (JSON.stringify(aim) === this.aim) return
    this.aim = JSON.stringify(aim)
    const before = new Map((other ? [] : this.now).map(arc => [arc.key, arc]))
    const began = performance.now()
    cancelAnimationFrame(this.frame)
    const step = time => {
      const done = still.matches || other ? 1 : Math.min(1, (time - began) / MOVE_MILLISECONDS)
      const eased = 1 - (1 - done) ** 3
      this.now = aim.map(arc => {
        const old = before.get(arc.key) || { from: arc.from, to: arc.from }
        return { ...arc, from: old.from + (arc.from - old.from) * eased, to: old.to + (arc.to - old.to) * eased }
      })
      this.draw(all)
      if (done < 1) this.frame = requestAnimationFrame(step)
    }
    step(other ? Infinity : began)
  }

  draw (all) {
    keyed(this.arcs, this.now, arc => arc.key, () => svg('path'), (path, arc) => {
      path.style.fill = colour(arc.at)
      path.setAttribute('d', arc.to - arc.from > 0.001 ? band(INNER, arc.from, arc.to - 0.012) : '')
    })
    this.arcs.setAttribute('class', all ? '' : 'nobody')
    const wide = this.now.filter(arc => arc.to - arc.from > 0.45)
    keyed(this.names, wide, arc => arc.key, () => svg('text', { class: 'small' }), (label, arc) => {
      const middle = (arc.from + arc.to) / 2
      label.setAttribute('x', (70 * Math.sin(middle)).toFixed(1))
      label.setAttribute('y', (4 - 70 * Math.cos(middle)).toFixed(1))
      text(label, arc.key.length > 9 ? `${arc.key.slice(0, 8)}…` : arc.key)
    })
  }

  showLegend (known) {
    keyed(this.legend, known, each => each.node.node, () => {
      return el('li', {}, el('i'), el('b'), el('span', { class: 'state' }), el('small'))
    }, (item, each) => {
      const [swatch, name, state, rest] = item.children
      swatch.style.background = colour(each.at)
      text(name, each.node.node)
      state.className = `state ${each.node.state}`
      text(state, `${STATES[each.node.state] || '?'} ${each.node.state}`)
      text(rest, `weight ${each.node.weight} · ${each.part} · ${number(each.sessions)} sessions`)
    })
  }
}

function part (ring, name) {
  if (!ring) return '–'
  const at = ring.nodes.indexOf(name)
  const owned = ring.owners.filter(owner => owner === at).length
  return `${Math.round(100 * owned / ring.owners.length)}%`
}

function band ([inside, outside], from, to) {
  const large = to - from > Math.PI ? 1 : 0
  const [a, b] = [from, Math.min(to, from + 2 * Math.PI - 0.001)].map(angle => [Math.sin(angle), -Math.cos(angle)])
  const at = ([x, y], radius) => `${(x * radius).toFixed(2)} ${(y * radius).toFixed(2)}`
  return `M${at(a, outside)}A${outside} ${outside} 0 ${large} 1 ${at(b, outside)}` +
    `L${at(b, inside)}A${inside} ${inside} 0 ${large} 0 ${at(a, inside)}Z`
}
