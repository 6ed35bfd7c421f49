package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// drawTime draws a time as people and programs write it: what RFC 3339 allows, and what somebody might take for that.
func drawTime(t *rapid.T) string {
	moment := time.Now().Add(time.Duration(rapid.IntRange(-200_000, 200_000).Draw(t, "seconds from now")) * time.Second)
	if rapid.IntRange(0, 9).Draw(t, "far away") == 0 {
		moment = time.Date(rapid.IntRange(1990, 3010).Draw(t, "year"), 12, 31, 23, 59, 59, 0, time.UTC)
	}
	separator := rapid.SampledFrom([]string{"T", "T", "T", "T", "t", " "}).Draw(t, "separator")
	fraction := rapid.SampledFrom([]string{"", ".1", ".123", ".123", ".123456", ".123456789", ".1234567890123", ",5"}).Draw(t, "fraction")
	zone := rapid.SampledFrom([]string{"Z", "Z", "Z", "+00:00", "+05:30", "-23:59", "+14:00", "z", ""}).Draw(t, "zone")
	seconds := rapid.SampledFrom([]string{"05", "05", "05", "60", ""}).Draw(t, "seconds")
	if seconds != "" {
		seconds = ":" + seconds
	}
	return moment.UTC().Format(time.DateOnly) + separator + moment.UTC().Format("15:04") + seconds + fraction + zone
}

func drawName(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"alice", "system:serviceaccount:team:bot", "Sentry", "Operator", "Resync", ""}),
		rapid.Just(strings.Repeat("🦊", 253)),
		rapid.StringN(0, 20, -1),
	).Draw(t, "name")
}

func drawResponse(t *rapid.T) map[string]string {
	response := map[string]string{}
	for _, pair := range [][2]string{{"acknowledgedBy", "acknowledgedAt"}, {"snoozedBy", "snoozedUntil"}, {"resolvedBy", "resolvedAt"}} {
		if rapid.Bool().Draw(t, pair[1]) {
			response[pair[0]], response[pair[1]] = drawName(t), drawTime(t)
		}
	}
	return response
}

type named struct{ *sources.Source }

func (n named) ByName(types.NamespacedName) *sources.Source { return n.Source }

// Whatever the CRD takes from responders leaves the Incident writable by the intake, foldable and pageable.
func TestWhateverRespondersWriteTheIncidentGoesOn(t *testing.T) {
	live := testbed.NewClient(t, cluster.Config)
	namespace := testbed.Namespace(t, live)
	mirror := testbed.NewMirror(t, live, namespace, store.AddIndex)
	object := testbed.NewAlertSource(types.NamespacedName{Namespace: namespace, Name: "payments"}, func(s *v1alpha1.AlertSource) {
		s.Spec.Incidents.ReopenWindow = metav1.Duration{Duration: time.Hour}
	})
	testbed.Must(t, live.Create(t.Context(), object))
	source := &sources.Source{Object: object, Name: client.ObjectKeyFromObject(object)}
	records := store.New(mirror, mirror, live, named{source}, clock.RealClock{})
	number, accepted := 0, 0
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	testbed.Must(t, checks.Value.Set("40"))
	t.Cleanup(func() { testbed.Must(t, checks.Value.Set(before)) })
	rapid.Check(t, func(t *rapid.T) {
		number++
		key := v1alpha1.IssueKey(fmt.Sprint(number))
		a := &answered{T: t, live: live, records: records, source: source, key: key}
		a.hear(v1alpha1.SignalAlert, "created", "new")
		for range rapid.IntRange(1, 3).Draw(t, "responses") {
			if !a.respond(drawResponse(t)) {
				continue
			}
			accepted++
			a.conclude()
			mirror.Forget()
			actions := rapid.SampledFrom([]string{"resolved", "assigned", "unresolved"})
			for _, action := range rapid.SliceOfN(actions, 1, 4).Draw(t, "webhooks") {
				a.hear(map[string]v1alpha1.SignalEvent{
					"resolved": v1alpha1.SignalResolve, "assigned": v1alpha1.SignalUpdate, "unresolved": v1alpha1.SignalAlert,
				}[action], action, map[string]string{"unresolved": "regressed", "assigned": "ongoing"}[action])
			}
			a.conclude()
			mirror.Forget()
		}
	})
	if accepted < 10 {
		t.Errorf("of all responses, only %d were taken by the API server", accepted)
	}
}

// answered is an alert that responders answer.
type answered struct {
	*rapid.T
	live    client.Client
	records *store.Store
	source  *sources.Source
	key     v1alpha1.AlertKey
	number  int32
}

// hear records a webhook.
func (a *answered) hear(event v1alpha1.SignalEvent, action, substatus string) {
	a.Helper()
	now := metav1.NewMicroTime(time.Now().Truncate(time.Microsecond))
	heard := lifecycle.Heard{Signal: v1alpha1.Signal{
		Time: now, ReceivedAt: now, Event: event, Action: action, By: v1alpha1.BySentry, Priority: v1alpha1.PriorityHigh,
	}}
	if substatus != "" {
		heard.Facts.Substatus = &substatus
	}
	ctx, cancel := context.WithTimeout(a.Context(), testbed.Patience)
	defer cancel()
	if outcome := a.records.Record(ctx, a.source, a.key, []lifecycle.Heard{heard})[0]; outcome.Err != nil {
		a.Fatalf("%s is not recorded: %v\n%+v", action, outcome.Err, a.latest().Spec)
	}
}

// latest is the alert's Incident with the highest number.
func (a *answered) latest() *v1alpha1.Incident {
	a.Helper()
	latest := &v1alpha1.Incident{}
	for number := max(a.number, 1); ; number++ {
		next := &v1alpha1.Incident{}
		name := v1alpha1.IncidentName(a.source.Name.Name, a.key, number)
		err := a.live.Get(a.Context(), types.NamespacedName{Namespace: a.source.Name.Namespace, Name: name}, next)
		switch {
		case apierrors.IsNotFound(err):
			return latest
		case err != nil:
			a.Fatalf("an Incident cannot be read any more: %v", err)
		}
		a.number, latest = number, next
	}
}

// respond writes a response as it is, and tells whether the API server took it.
func (a *answered) respond(response map[string]string) bool {
	a.Helper()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"response": response}})
	if err != nil {
		a.Fatal(err)
	}
	err = a.live.Patch(a.Context(), a.latest(), client.RawPatch(types.MergePatchType, patch))
	if err != nil && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		a.Fatal(err)
	}
	return err == nil
}

// conclude writes what the controllers would, and makes each kind of message.
func (a *answered) conclude() {
	a.Helper()
	incident := a.latest()
	before, now := incident.DeepCopy(), time.Now().Truncate(time.Microsecond)
	policy := testbed.NewPolicy(a.source.Name, testbed.Step("team", 0, "slack"))
	status, _ := lifecycle.Fold(&incident.Spec, now)
	escalation := lifecycle.Escalate(lifecycle.Situation{
		Spec: &incident.Spec, Was: before.Status, Is: status, Plan: lifecycle.Plan{Policy: &policy.Spec}, Now: now,
	})
	status.ObservedGeneration, status.Escalation, status.Notifications = incident.Generation, escalation.Run, escalation.Notifications
	for i := range status.Notifications {
		if status.Notifications[i].State == v1alpha1.NotificationPending {
			lifecycle.Sent(&status.Notifications[i], "receipt", now)
		}
	}
	incident.Status = status
	written, err := loop.PatchStatus(a.Context(), a.live, before, incident)
	if err != nil {
		a.Fatalf("the status is not written: %v\n%+v", err, incident.Spec)
	}
	if status.State == v1alpha1.StateOpen && len(status.Notifications) == 0 {
		a.Fatalf("nobody is paged: %+v", incident.Spec)
	}
	for _, kind := range []v1alpha1.NotificationKind{v1alpha1.KindPage, v1alpha1.KindUpdate, v1alpha1.KindResolved} {
		notify.ViewOf(written, v1alpha1.Notification{Cycle: int32(len(status.Cycles)), Run: 1, Channel: "slack", Kind: kind}, now)
	}
	lifecycle.Standing(written, "slack", now)
	lifecycle.Unwritten(written)
	lifecycle.AcknowledgementEnds(written.Status, time.Minute)
}
