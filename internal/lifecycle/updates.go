package lifecycle

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// tellHeld tells whoever was paged in this cycle that somebody has answered, and once more if the priority rises then.
func (l *ledger) tellHeld() {
	for _, channel := range l.listening() {
		updates, pending := int32(0), false
		var priority v1alpha1.Priority
		for _, entry := range l.entries {
			if entry.Channel != channel {
				continue
			}
			if entry.State != v1alpha1.NotificationSuperseded {
				priority = entry.Priority
			}
			if entry.Kind == v1alpha1.KindUpdate && entry.Run == l.run.Run {
				updates++
				pending = pending || entry.State == v1alpha1.NotificationPending
			}
		}
		rose := rank(l.Spec.Priority) > rank(priority)
		if updates == 0 || (updates == 1 && rose && !pending) {
			l.add(v1alpha1.Notification{
				Cycle: l.cycle(), Channel: channel, Kind: v1alpha1.KindUpdate, Sequence: updates, DueAt: metav1.NewMicroTime(l.Now),
			})
		}
	}
}

// nameRisen pages once more, by itself, of an Incident that has become Critical, where it was told of in a summary alone.
func (l *ledger) nameRisen() {
	if l.Spec.Priority != v1alpha1.PriorityCritical {
		return
	}
	for _, channel := range l.listening() {
		var last v1alpha1.Notification
		isNamed := false
		for _, entry := range l.entries {
			if entry.Channel != channel || entry.Cycle != l.cycle() || !isPage(entry) {
				continue
			}
			isNamed = isNamed || entry.Priority == v1alpha1.PriorityCritical || !entry.Gathered
			last = entry
		}
		if !isNamed {
			l.addPage(last.Loop, last.Step, channel, l.Now)
			l.entries[len(l.entries)-1].Sequence = last.Sequence + 1
		}
	}
}
