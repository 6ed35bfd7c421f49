package store

import (
	"context"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// lookBack asks, after a write, whether another replica opened a later Incident at the same time. It is false if the
// signals are to be judged anew, on the Incident that is there now.
func (r *recording) lookBack(ctx context.Context, plan plan, written *v1alpha1.Incident) (sure bool, err error) {
	if written == nil || !plan.restsOnNoLater {
		return true, nil
	}
	later, err := r.view.get(ctx, r.source.Name, r.key, written.Spec.Number+1)
	if err == nil && later != nil {
		return false, r.doubt(written.Spec.Number+1, nil)
	}
	return err == nil, err
}

// catchUp carries over what another replica recorded in the last Incident while this one opened the next. It is tried
// until it is done, also where the answer to the opening was lost: nobody else knows what to carry over.
func (r *recording) catchUp(ctx context.Context) error {
	number := r.last.Spec.Number
	now, err := r.view.get(ctx, r.source.Name, r.key, number)
	switch {
	case err != nil:
		return err
	case now != nil && now.Generation != r.last.Generation:
		for _, outcome := range r.Record(ctx, r.source, r.key, signalsMissing(r.last.Spec.Signals, now.Spec.Signals)) {
			if outcome.Err != nil {
				return outcome.Err
			}
		}
		r.last = nil
		return r.doubt(number+1, nil)
	}
	r.last = nil
	return nil
}
