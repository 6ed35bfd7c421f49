package controlplane

import "sync"

// gate lets everybody pass while it is open, and has them wait while it is closed.
type gate struct {
	lock sync.Mutex
	way  chan struct{} // closed while the gate is open
}

func newGate() gate {
	way := make(chan struct{})
	close(way)
	return gate{way: way}
}

func (g *gate) isOpen() bool {
	select {
	case <-g.way:
		return true
	default:
		return false
	}
}

func (g *gate) open() {
	g.lock.Lock()
	defer g.lock.Unlock()
	if !g.isOpen() {
		close(g.way)
	}
}

func (g *gate) close() {
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.isOpen() {
		g.way = make(chan struct{})
	}
}

// pass waits for the gate and tells whether the way is free; it is not once everything is over.
func (g *gate) pass(over <-chan struct{}) bool {
	g.lock.Lock()
	way := g.way
	g.lock.Unlock()
	select {
	case <-way:
		return true
	case <-over:
		return false
	}
}
