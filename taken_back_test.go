package main

import (
	"context"
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// A responder takes a snooze back while no replica leads: the status still says that the Incident is snoozed when the next leader tells
// Alertmanager how it stands.
func TestASnoozeTakenBackWhileNobodyLeadsStopsNoReplica(t *testing.T) {
	r := receiversOf["alertmanager"](t)
	leader := startReplica(t, "leader", r.arguments...)
	source := r.newTeam(t)
	leader.knows(t, source)
	tellOne(t, leader.target, source, newIssue(0))
	ledgerOf(t, source, "the page is sent", func(entries []v1alpha1.Notification) bool {
		return len(entries) == 1 && entries[0].State == v1alpha1.NotificationSent
	})
	respond(t, source, `{"snoozedBy": "alice", "snoozedUntil": "`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`)
	ledgerOf(t, source, "the snooze is told", func(entries []v1alpha1.Notification) bool {
		return len(entries) == 2 && entries[1].State == v1alpha1.NotificationSent
	})
	testbed.Must(t, leader.Stop(0))
	if state := source.Incidents(t)[0].Status.State; state != v1alpha1.StateSnoozed {
		t.Fatalf("the Incident is %s", state)
	}
	respond(t, source, `null`)
	// The next one need not wait for the lease to expire.
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: theLease.Namespace, Name: theLease.Name}}
	testbed.Must(t, source.Client.Delete(t.Context(), lease))
	next := startReplica(t, "next", r.arguments...)
	next.knows(t, source)
	entries := ledgerOf(t, source, "people are paged again", func(entries []v1alpha1.Notification) bool {
		return len(entries) == 3 && entries[2].State == v1alpha1.NotificationSent
	})
	if entries[2].Kind != v1alpha1.KindPage || entries[2].Run != 2 {
		t.Errorf("the ledger is %+v", entries)
	}
	testbed.Eventually(t, "Alertmanager hears how things stand", func(context.Context) bool {
		log, _ := r.logged()
		return len(log) >= 4
	})
	tellOne(t, next.target, source, newIssue(1))
	if incidents := source.Incidents(t); len(incidents) != 2 {
		t.Errorf("there are %d Incidents", len(incidents))
	}
	if _, shown := r.logged(); slices.Contains(shown, "resolved") {
		t.Errorf("people see %q", shown)
	}
}

// respond writes a response of the only Incident as it is.
func respond(t *testing.T, source *testbed.Source, response string) {
	t.Helper()
	incident := source.Incidents(t)[0]
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"response": `+response+`}}`))
	testbed.Must(t, source.Client.Patch(t.Context(), &incident, patch))
}
