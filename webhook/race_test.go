package webhook_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

const issue42 = v1alpha1.AlertKey("issue/42")

// heard is a signal of Sentry's, sent at a minute.
// arrivals counts, so that no two signals arrive at the same time: the inbox sees to that.
var arrivals atomic.Int64

func arrival() time.Time { return time.Now().Add(time.Duration(arrivals.Add(1)) * time.Microsecond) }

func heard(event v1alpha1.SignalEvent, minute int) lifecycle.Heard {
	return lifecycle.Heard{Signal: v1alpha1.Signal{
		Time: metav1.NewMicroTime(at(minute)), ReceivedAt: metav1.NewMicroTime(arrival()), Event: event,
		By: v1alpha1.BySentry, Priority: v1alpha1.PriorityHigh,
	}}
}

// storeWith is a store whose writes go through what a test puts in their way.
func storeWith(t *testing.T, served *intake, between interceptor.Funcs) *store.Store {
	t.Helper()
	direct := testbed.NewClient(t, cluster(t).Config)
	return store.New(interceptor.NewClient(direct, between), served.cache, direct, served.Directory, clock.RealClock{})
}

// before are writes that a test hears of, by their verbs, before they are made.
func before(hear func(verb string)) interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			hear("create")
			return c.Create(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, how client.Patch, options ...client.PatchOption) error {
			hear("patch")
			return c.Patch(ctx, object, how, options...)
		},
	}
}

// once calls a function the first time only.
func once(f func()) func() {
	called := false
	return func() {
		if !called {
			called = true
			f()
		}
	}
}

func record(t *testing.T, store *store.Store, source *testbed.Source, signals ...lifecycle.Heard) []store.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
	defer cancel()
	outcomes := store.Record(ctx, known(t, source), issue42, signals)
	if len(outcomes) != len(signals) {
		t.Fatalf("%d outcomes of %d signals", len(outcomes), len(signals))
	}
	return outcomes
}

// Another replica opens the next Incident after this one made sure that there is none, and before it writes.
func TestAResolveFindsTheIncidentThatARivalOpensMeanwhile(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
	rival := once(func() { served.tell(t, source, []chapter{{issue("unresolved", 4), "opened"}}) })
	store := storeWith(t, served, before(func(verb string) {
		if verb == "patch" {
			rival()
		}
	}))
	if outcome := record(t, store, source, heard(v1alpha1.SignalResolve, 5))[0]; outcome.Effect != v1alpha1.EffectResolved {
		t.Errorf("the resolve ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High" {
		t.Errorf("ended as %q", got)
	}
}

// Another replica records a newer resolve in the last Incident while this one, which has just read it, opens the next.
func TestANextIncidentCatchesUpWithWhatARivalRecordsMeanwhile(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
	rival := once(func() { served.tell(t, source, []chapter{{issue("resolved", 6), "updated"}}) })
	store := storeWith(t, served, before(func(verb string) {
		if verb == "create" {
			rival()
		}
	}))
	if outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 4))[0]; outcome.Effect != v1alpha1.EffectOpened {
		t.Errorf("the alert ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High" {
		t.Errorf("ended as %q", got)
	}
}

// An Alert past the reopenWindow opens the next Incident; another replica hears one within it, which would reopen the last.
func TestAReopenAndANextIncidentCannotBothWin(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	for name, test := range map[string]struct {
		before, rival, want string
	}{
		"before the last one is sealed": {"patch", "reopened", "1 Open High"},
		"after that":                    {"create", "opened", "1 Resolved High, 2 Open High"},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) {
				s.Spec.Incidents.ReopenWindow = metav1.Duration{Duration: 10 * time.Minute}
			})
			served.knows(t, source)
			served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
			rival := once(func() { served.tell(t, source, []chapter{{issue("unresolved", 9), test.rival}}) })
			var writes []string
			store := storeWith(t, served, before(func(verb string) {
				if verb == test.before {
					rival()
				}
				writes = append(writes, verb)
			}))
			outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 20))[0]
			if outcome.Effect != v1alpha1.EffectUpdated {
				t.Errorf("the alert ended as %+v", outcome)
			}
			if got := source.Story(t); got != test.want {
				t.Errorf("ended as %q after %v, want %q", got, writes, test.want)
			}
		})
	}
}

func TestOnlyWhileThereIsAReopenWindowANextIncidentCostsTwoWrites(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	for window, want := range map[time.Duration]int{0: 1, 10 * time.Minute: 2} {
		source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) {
			s.Spec.Incidents.ReopenWindow = metav1.Duration{Duration: window}
		})
		served.knows(t, source)
		served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
		writes := 0
		store := storeWith(t, served, before(func(string) { writes++ }))
		record(t, store, source, heard(v1alpha1.SignalAlert, 20))
		incidents := source.Incidents(t)
		if got := source.Story(t); got != "1 Resolved High, 2 Open High" || writes != want || incidents[0].Spec.Sealed != (window > 0) {
			t.Errorf("reopenWindow %s: ended as %q after %d writes, sealed is %t", window, got, writes, incidents[0].Spec.Sealed)
		}
	}
}

func TestACreateWhoseAnswerIsLostMakesOneIncident(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	creates := 0
	store := storeWith(t, served, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			creates++
			testbed.Must(t, c.Create(ctx, object, options...))
			return apierrors.NewTimeoutError("the answer is lost", 1)
		},
	})
	if outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 1))[0]; outcome.Err != nil {
		t.Errorf("the alert ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Open High" || creates != 1 {
		t.Errorf("ended as %q after %d creates", got, creates)
	}
}

func TestWhatTheAPIServerRefusesForGoodIsNotTriedAgain(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	resource := v1alpha1.GroupVersion.WithResource("incidents").GroupResource()
	for name, refusal := range map[string]error{
		"forbidden": apierrors.NewForbidden(resource, "payments-42-1", nil),
		"invalid":   apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("Incident").GroupKind(), "payments-42-1", nil),
	} {
		creates := 0
		store := storeWith(t, served, interceptor.Funcs{
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
				creates++
				return refusal
			},
		})
		if outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 1))[0]; outcome.Err == nil || creates != 1 {
			t.Errorf("%s: ended as %+v after %d creates", name, outcome, creates)
		}
	}
}

func TestSignalsOfOneIncidentGoIntoOneWrite(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	writes := 0
	store := storeWith(t, served, before(func(string) { writes++ }))
	var signals []lifecycle.Heard
	for minute := range 20 {
		signals = append(signals, heard(v1alpha1.SignalAlert, minute))
	}
	record(t, store, source, signals...)
	if incident := source.Incidents(t)[0]; writes != 1 || incident.Spec.SignalCount != 20 {
		t.Errorf("%d signals in %d writes, want 20 in one", incident.Spec.SignalCount, writes)
	}
	// Three Incidents, each opened and resolved, are three writes more at the most: a Create takes its whole cycle.
	writes, signals = 0, nil
	for minute := 30; minute < 36; minute += 2 {
		signals = append(signals, heard(v1alpha1.SignalResolve, minute), heard(v1alpha1.SignalAlert, minute+1))
	}
	record(t, store, source, signals...)
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High, 3 Resolved High, 4 Open High" || writes != 4 {
		t.Errorf("ended as %q after %d writes, want 4", got, writes)
	}
}

// newSource is all that a store knows of sources.
type newSource struct{ source *sources.Source }

func (n newSource) ByName(types.NamespacedName) *sources.Source { return n.source }

// The source is made again while a signal of the former one is being recorded, and whoever looks after the former one's
// Incidents has looked already.
func TestWhatIsRecordedWhileANewSourceBecomesKnownIsTheNewOnes(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	for name, collected := range map[string]bool{"before the garbage collector comes": false, "after the garbage collector came": true} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client)
			former := known(t, source)
			testbed.Must(t, served.client.Delete(t.Context(), former.Object.DeepCopy()))
			source.Create(t)
			made := known(t, source)
			direct := testbed.NewClient(t, cluster(t).Config)
			collect := once(func() {
				if collected {
					testbed.Must(t, direct.DeleteAllOf(t.Context(), &v1alpha1.Incident{}, client.InNamespace(source.Name.Namespace)))
				}
			})
			writing := interceptor.NewClient(direct, interceptor.Funcs{
				Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
					err := c.Create(ctx, object, options...)
					collect()
					return err
				},
			})
			store := store.New(writing, served.cache, direct, newSource{made}, clock.RealClock{})
			outcomes := store.Record(t.Context(), former, issue42, []lifecycle.Heard{heard(v1alpha1.SignalAlert, 1)})
			if outcomes[0].Err != nil || outcomes[0].Effect != v1alpha1.EffectOpened {
				t.Errorf("got %+v", outcomes[0])
			}
			incidents := source.Incidents(t)
			if len(incidents) != 1 || !metav1.IsControlledBy(&incidents[0], made.Object) {
				t.Errorf("got %+v, want one Incident of the new source's", incidents)
			}
		})
	}
}
