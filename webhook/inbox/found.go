package inbox

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// RecordFound hands in what was found out about an alert without a webhook, and tells what that did, and to which Incident. Few of
// these are under way at the same time, and they let webhooks go first: what is not recorded is found again, and needs no disk.
func (b *Inbox) RecordFound(
	ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey, heard lifecycle.Heard,
) (effect v1alpha1.SignalEffect, incident string, err error) {
	select {
	case b.finds <- struct{}{}:
		defer func() { <-b.finds }()
	case <-ctx.Done():
		return "", "", fmt.Errorf("record what was found: %w", ctx.Err())
	}
	b.letWebhooksGo(ctx)
	source := b.named.ByName(name)
	if source == nil {
		return "", "", errUnknown(name)
	}
	heard.Signal.ReceivedAt = metav1.NewMicroTime(b.clock.Now().Truncate(time.Microsecond))
	if heard.Signal.Time.IsZero() {
		heard.Signal.Time = heard.Signal.ReceivedAt
	}
	one := &letter{source: source, heard: &heard, outcome: make(chan store.Outcome, 1), isFound: true}
	outcome := b.submitWithoutDisk(ctx, store.Key{Source: name, Alert: alert}, one)
	return outcome.Effect, outcome.Incident, outcome.Err
}

// letWebhooksGo waits while webhooks wait, but not for ever: a storm must not hide what no webhook tells.
func (b *Inbox) letWebhooksGo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	for b.webhooksWait() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(findPause):
		}
	}
}

func (b *Inbox) webhooksWait() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending > b.found
}

func errUnknown(name types.NamespacedName) error {
	return fmt.Errorf("AlertSource %s is not known here yet", name)
}
