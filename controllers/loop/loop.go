// Package loop holds what the controllers' loops have in common: when to look again, which Incidents a source has, and
// what wakes a source.
package loop

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
)

// Soon is how soon a look is repeated that came too early: a cache lags, or somebody else wrote first.
const Soon = time.Second

// CloseWithin is how long the deletion of a source, or of an Incident, waits at most for the channels to hear of the end.
const CloseWithin = 2 * time.Minute

// workers is how many objects of one kind are reconciled at the same time. Few: a storm of status writes would take the
// API server's time from the intake.
const workers = 4

// ControllerOptions lets names repeat: each term of office registers the same controllers anew.
func ControllerOptions() controller.Options {
	return controller.Options{MaxConcurrentReconciles: workers, SkipNameValidation: ptr.To(true)}
}

// Again makes a repeated look of what is no error: somebody else wrote, made or deleted first. In a namespace that is
// being deleted nothing is left to do.
func Again(err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return ctrl.Result{RequeueAfter: Soon}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil
	default:
		return ctrl.Result{}, fmt.Errorf("reconcile: %w", err)
	}
}

// Soonest is how long after now the first of some times comes, 0 if none does; zero times are never.
func Soonest(now time.Time, times ...time.Time) time.Duration {
	var first time.Duration
	for _, at := range times {
		if at.IsZero() {
			continue
		}
		if wait := max(at.Sub(now), time.Millisecond); first == 0 || wait < first {
			first = wait
		}
	}
	return first
}

// ConditionOf is the condition of a type, zero if there is none.
func ConditionOf(conditions []metav1.Condition, kind string) metav1.Condition {
	if condition := meta.FindStatusCondition(conditions, kind); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}
