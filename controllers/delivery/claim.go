package delivery

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// claimWithin is how long claims are written for one message. The first of them must not run out before it is sent.
	claimWithin = 4 * time.Second
	// claimCriticalWithin is how long if one that is Critical waits for the message.
	claimCriticalWithin = time.Second
	// claimTries is how often one is tried to be written of an Incident that others write to as well.
	claimTries = 5
)

// claimAll claims what some Incidents have for a channel, in their order, and gives what is claimed. What it does not come to
// in time waits for the next message.
func (d *Dispatcher) claimAll(
	ctx context.Context, dues []lifecycle.Due, paper *paper, q *queue,
) (letters []*letter, left []waiting) {
	ends := d.now().Add(claimWithin)
	if lifecycle.IsCriticalPage(dues[0]) {
		ends = d.now().Add(claimCriticalWithin)
	}
	claimed := make([]*letter, len(dues))
	kept := make([][]waiting, len(dues))
	inParallel(len(dues), func(i int) {
		if now := d.now(); i > 0 && now.After(ends) {
			kept[i] = []waiting{{dues[i], now}}
			return
		}
		err := d.catchOf(ctx, dues[i].Incident, "delivery claim", func() {
			claimed[i], kept[i] = d.claimOne(ctx, dues[i], paper, len(dues) == 1)
		})
		if err != nil {
			claimed[i], kept[i] = nil, []waiting{{dues[i], d.now().Add(q.pauseAfterPanic(dues[i].Incident))}}
			return
		}
		q.forgetPanics(dues[i].Incident)
	})
	for i := range dues {
		left = append(left, kept[i]...)
		if claimed[i] != nil {
			letters = append(letters, claimed[i])
		}
	}
	return letters, left
}

// claimOne claims what an Incident has for a channel, as often as somebody else comes first. What waited for others the cache knows: the
// lock tells if it does not.
func (d *Dispatcher) claimOne(ctx context.Context, due lifecycle.Due, paper *paper, isStale bool) (claimed *letter, left []waiting) {
	if !isStale {
		claimed, left, isStale = d.claim(ctx, due, paper, d.Client)
		isStale = isStale || claimed == nil
	}
	// Somebody else writes there too: the next look is at what they left.
	for tries := 0; isStale && tries < claimTries; tries++ {
		claimed, left, isStale = d.claim(ctx, due, paper, d.APIReader)
	}
	return claimed, left
}

// inParallel does something for each place, some at the same time, those in front first. What it does must not panic.
func inParallel(places int, do func(place int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, workers)
	for place := range places {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(place)
		})
	}
	all.Wait()
}

// claim claims what an Incident has for a channel next. If that cannot be sent, the ledger hears why, and nothing is claimed.
// It is a conflict if somebody else wrote first.
func (d *Dispatcher) claim(
	ctx context.Context, due lifecycle.Due, paper *paper, from client.Reader,
) (claimed *letter, left []waiting, isConflict bool) {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues("incident", due.Incident))
	incident, err := d.read(ctx, due.Incident, from)
	if err != nil {
		return nil, d.retry(ctx, due, err, "Could not read the Incident"), false
	}
	before := incident.DeepCopy()
	place, _ := lifecycle.Claim(incident.Status.Notifications, paper.channel.Name, d.now())
	if place < 0 {
		return nil, d.leftOf(incident, paper.channel), false
	}
	entry := &incident.Status.Notifications[place]
	if entry.Kind == v1alpha1.KindPage && !isOpen(incident, d.now()) {
		// The controller, which has not seen yet what came in, will close the page.
		return nil, []waiting{{due, d.now().Add(loop.Soon)}}, false
	}
	letter := &letter{entry: *entry}
	failure := paper.obstacle(*entry)
	if failure != nil {
		lifecycle.Failed(entry, *failure, chance(), d.now())
	}
	letter.incident, err = d.write(ctx, before, incident)
	switch {
	case err != nil:
		return nil, d.retry(ctx, due, err, "Could not claim a notification"), apierrors.IsConflict(err)
	case failure != nil:
		if !paper.held {
			d.failed(ctx, letter, paper, *failure)
			d.Outcomes.Failed(paper.channel, *failure)
		}
		return nil, d.leftOf(letter.incident, paper.channel), false
	default:
		return letter, nil, false
	}
}

// isOpen tells whether an Incident, as it is now, leaves anybody to be paged.
func isOpen(incident *v1alpha1.Incident, now time.Time) bool {
	if incident.DeletionTimestamp != nil {
		return false
	}
	status, _ := lifecycle.Fold(&incident.Spec, now)
	return status.State == v1alpha1.StateOpen
}

// leftOf is what an Incident has for a channel.
func (d *Dispatcher) leftOf(incident *v1alpha1.Incident, channel types.NamespacedName) []waiting {
	due, at, has := lifecycle.NextDue(incident, channel.Name, d.now())
	if !has {
		return nil
	}
	return []waiting{{due, at}}
}

// retry lets an Incident wait until an exchange with the API server that failed may be tried again.
func (d *Dispatcher) retry(ctx context.Context, due lifecycle.Due, err error, what string) []waiting {
	pause := d.afterError(ctx, err, what)
	if pause == 0 {
		return nil
	}
	return []waiting{{due, d.now().Add(pause)}}
}
