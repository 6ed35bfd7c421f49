package resync

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

// countMisses takes stock of what was found before this pass: what no webhook told of by now was missed.
func (f *feed) countMisses(ctx context.Context, done *v1alpha1.ResyncPass) error {
	f.mu.Lock()
	finds, number := f.finds, f.number
	done.Told, f.told = f.told, 0
	f.finds = nil
	f.mu.Unlock()
	var younger []find
	for _, one := range finds {
		if one.pass == number {
			younger = append(younger, one)
			continue
		}
		isMissed := false
		err := f.catch(ctx, "resync issue", func() (err error) {
			isMissed, err = f.isMissed(ctx, one)
			return err
		})
		switch {
		case panics.Is(err):
		case err != nil:
			return err
		case !isMissed:
			done.Told++
		case one.resolved:
			done.MissedResolves++
		default:
			done.MissedOpenings++
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finds = append(younger, f.finds...)
	return nil
}

// isMissed tells whether no webhook told of what was found. Of what Sentry resolved because it was old there is none.
func (f *feed) isMissed(ctx context.Context, one find) (bool, error) {
	latest, err := f.whole(ctx, one.key)
	if err != nil || latest == nil {
		return false, err
	}
	for _, signal := range latest.Spec.Signals {
		isOfItsKind := (signal.Event == v1alpha1.SignalResolve) == one.resolved
		if signal.By == v1alpha1.BySentry && isOfItsKind && signal.ReceivedAt.After(one.at) {
			return false, nil
		}
	}
	if !one.resolved {
		return true, nil
	}
	detail, _, err := f.sentry.Issue(ctx, one.key.IssueID())
	return err != nil && !sentryapi.IsNotFound(err) || err == nil && !isResolvedByAge(detail), nil
}

// whole is the latest Incident of an alert, not its stub; nil if there is none.
func (f *feed) whole(ctx context.Context, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	latest, err := f.Intake.Latest(ctx, f.name, key)
	if err != nil || latest == nil || !lifecycle.IsStub(latest) {
		return latest, err
	}
	whole := &v1alpha1.Incident{}
	if err := f.APIReader.Get(ctx, client.ObjectKeyFromObject(latest), whole); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return whole, nil
}
