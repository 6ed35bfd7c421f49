package controlplane

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"k8s.io/client-go/rest"
)

// Proxy stands between some clients and the API server and forwards bytes, so that an outage can be made for them alone.
// TLS goes through it unbroken: clients verify the API server's own certificate.
type Proxy struct {
	admin    *rest.Config
	target   string
	listener net.Listener
	gate     gate

	closed      chan struct{}
	forwarding  sync.WaitGroup
	lock        sync.Mutex
	connections map[net.Conn]struct{} // nil once closed
}

// Proxy starts a proxy in front of the API server. It ends with Close, or with the control plane.
func (c *ControlPlane) Proxy() (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{
		admin:       c.Config,
		target:      c.address,
		listener:    listener,
		gate:        newGate(),
		closed:      make(chan struct{}),
		connections: map[net.Conn]struct{}{},
	}
	p.forwarding.Go(p.accept)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.proxies = append(c.proxies, p)
	return p, nil
}

// Config is an administrator's Config that goes through the proxy.
func (p *Proxy) Config() *rest.Config { return p.Through(p.admin) }

// Through is a copy of any Config for the same API server that goes through the proxy.
func (p *Proxy) Through(config *rest.Config) *rest.Config {
	through := rest.CopyConfig(config)
	through.Host = "https://" + p.listener.Addr().String()
	return through
}

// Hang stops forwarding: connections stay, new ones are accepted, and no byte passes until Resume.
func (p *Proxy) Hang() { p.gate.close() }

// Resume forwards again, first of all what was held back.
func (p *Proxy) Resume() { p.gate.open() }

// Drop breaks all connections. New ones are accepted at once.
func (p *Proxy) Drop() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for connection := range p.connections {
		_ = connection.Close()
	}
}

// Close breaks all connections and ends the proxy. Later calls do nothing.
func (p *Proxy) Close() error {
	p.lock.Lock()
	connections := p.connections
	p.connections = nil
	p.lock.Unlock()
	if connections == nil {
		return nil
	}
	close(p.closed)
	err := p.listener.Close()
	for connection := range connections {
		_ = connection.Close()
	}
	p.forwarding.Wait()
	if err != nil {
		return fmt.Errorf("close proxy: %w", err)
	}
	return nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			p.forwarding.Go(func() { p.serve(client) })
		}
	}
}

// serve forwards both ways until either side ends.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.remember(client, server) {
		return
	}
	defer p.forget(client, server)

	ended := make(chan struct{}, 2)
	for to, from := range map[net.Conn]net.Conn{client: server, server: client} {
		p.forwarding.Go(func() {
			p.forward(to, from)
			ended <- struct{}{}
		})
	}
	<-ended
}

func (p *Proxy) forward(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !p.gate.pass(p.closed) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) remember(connections ...net.Conn) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.connections == nil {
		return false
	}
	for _, connection := range connections {
		p.connections[connection] = struct{}{}
	}
	return true
}

func (p *Proxy) forget(connections ...net.Conn) {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, connection := range connections {
		delete(p.connections, connection)
	}
}
