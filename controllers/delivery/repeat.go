package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// repeatBatch is how many Incidents one request tells of.
const repeatBatch = 500

// ends are the Incidents of which a channel was told lately that they are over. The cache may not know yet: were such a one
// told as going on, people would be paged anew.
type ends struct {
	// one at a time: either all is told how it stands, or some are told of an end.
	sync.RWMutex

	mu    sync.Mutex
	known map[types.NamespacedName]end
}

type end struct {
	cycle int32
	at    time.Time
}

// note notes an end.
func (e *ends) note(incident types.NamespacedName, cycle int32, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[types.NamespacedName]end{}
	}
	e.known[incident] = end{cycle, now}
}

// has tells whether the end of a cycle was told.
func (e *ends) has(incident types.NamespacedName, cycle int32) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, has := e.known[incident]
	return has && known.cycle >= cycle
}

// forget forgets what the cache knows by now.
func (e *ends) forget(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for incident, known := range e.known {
		if known.at.Add(2 * lifecycle.RepeatEvery).Before(now) {
			delete(e.known, incident)
		}
	}
}

// repeat tells those channels how things stand that must be told again and again, until the context ends.
func (d *Dispatcher) repeat(ctx context.Context) {
	for ctx.Err() == nil {
		var channels v1alpha1.NotificationChannelList
		if err := d.Client.List(ctx, &channels, client.UnsafeDisableDeepCopy); err != nil {
			d.logger(types.NamespacedName{}).Error(err, "Could not list the channels")
		}
		for i := range channels.Items {
			if repeater := d.Office.Repeater(channels.Items[i].Spec); repeater != nil {
				_ = d.catch(client.ObjectKeyFromObject(&channels.Items[i]), "delivery resend", func() {
					d.repeatTo(ctx, &channels.Items[i], repeater)
				})
			}
		}
		timer := d.Clock.NewTimer(lifecycle.RepeatEvery)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

// repeatTo tells one channel how things stand.
func (d *Dispatcher) repeatTo(ctx context.Context, channel *v1alpha1.NotificationChannel, repeater notify.Repeater) {
	name := client.ObjectKeyFromObject(channel)
	q := d.queueOf(name)
	if q == nil {
		return
	}
	q.ends.Lock()
	defer q.ends.Unlock()
	q.ends.forget(d.now())
	incidents, err := loop.IncidentsIn(ctx, d.Client, channel.Namespace)
	if err != nil {
		d.logger(name).Error(err, "Could not list the Incidents")
		return
	}
	messages := d.standing(ctx, channel, incidents, &q.ends)
	for batch := range slices.Chunk(messages, repeatBatch) {
		if failure := repeater.Post(ctx, batch); failure != nil {
			d.Outcomes.Failed(name, *failure)
			d.logger(name).Info("Could not tell a channel how things stand", "reason", failure.Reason, "message", failure.Message)
			return
		}
		d.Outcomes.Sent(name)
	}
}

// standing are the messages that say how some Incidents stand. One of which none can be made is left out.
func (d *Dispatcher) standing(
	ctx context.Context, channel *v1alpha1.NotificationChannel, incidents []v1alpha1.Incident, ends *ends,
) []notify.Message {
	template, _ := notify.Compile(channel.Spec.Template)
	now := d.now()
	var messages []notify.Message
	for i := range incidents {
		incident := &incidents[i]
		_ = d.catchOf(ctx, client.ObjectKeyFromObject(incident), "delivery resend", func() {
			entry, must := lifecycle.Standing(incident, channel.Name, now)
			isOver := entry.Kind != v1alpha1.KindResolved && ends.has(client.ObjectKeyFromObject(incident), entry.Cycle)
			if must && !isOver {
				view := notify.ViewOf(incident, entry, now)
				messages = append(messages, notify.Message{View: view, Text: template.Render(view)})
			}
		})
	}
	return messages
}
