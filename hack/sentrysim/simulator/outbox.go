package simulator

import "sync"

// Outbox keeps the webhooks that an Organization tells, until somebody takes them, to deliver or to lose them.
type Outbox struct {
	mu   sync.Mutex
	sent []Webhook
}

// Put is an Organization's Tell.
func (o *Outbox) Put(webhook Webhook) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, webhook)
}

// Take takes out all that were told, in their order.
func (o *Outbox) Take() []Webhook {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	o.sent = nil
	return sent
}
