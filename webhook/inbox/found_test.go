package inbox

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// find hands in that something was found out, and returns at once.
func find(t *testing.T, inbox *Inbox, key v1alpha1.AlertKey) <-chan string {
	t.Helper()
	done := make(chan string, 1)
	go func() {
		heard := lifecycle.Heard{Signal: v1alpha1.Signal{Action: "found", By: v1alpha1.ByResync}}
		_, incident, err := inbox.RecordFound(t.Context(), testSource.Name, key, heard)
		done <- fmt.Sprint(incident, err)
	}()
	return done
}

func TestWhatWasFoundOutIsRecordedWithTheTimeOfItsArrival(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	inbox.named = known{testSource.Name: testSource}
	done := find(t, inbox, "issue/1")
	one := recorder.next(t)
	signal := one.heard[0].Signal
	if !signal.ReceivedAt.Time.Equal(noon) || !signal.Time.Time.Equal(noon) || signal.By != v1alpha1.ByResync {
		t.Errorf("the signal is %+v", signal)
	}
	close(one.end)
	if got := <-done; got != "found of 1<nil>" {
		t.Errorf("gives %s", got)
	}
}

func TestEightFindsAreUnderWayAtMost(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	inbox.named = known{testSource.Name: testSource}
	var waiting []<-chan string
	for i := range 20 {
		waiting = append(waiting, find(t, inbox, v1alpha1.IssueKey(fmt.Sprint(i))))
	}
	var writes []write
	for range maxFinds {
		writes = append(writes, recorder.next(t))
	}
	recorder.expectNone(t)
	for begun := len(writes); len(writes) > 0; writes = writes[1:] {
		close(writes[0].end)
		if begun < len(waiting) {
			begun++
			writes = append(writes, recorder.next(t))
		}
	}
	for _, done := range waiting {
		<-done
	}
}

func TestFindsLetWebhooksGoFirst(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	inbox.named = known{testSource.Name: testSource}
	submitted := submit(t.Context(), t, inbox, "issue/1", "created")
	webhook := recorder.next(t)
	done := find(t, inbox, "issue/2")
	recorder.expectNone(t)
	close(webhook.end)
	<-submitted
	found := recorder.next(t)
	if found.key != "issue/2" {
		t.Errorf("the next write is of %s", found.key)
	}
	close(found.end)
	<-done
}

func TestAFindOfAnUnknownSourceIsAnError(t *testing.T) {
	inbox, _ := newTestInbox(t)
	inbox.named = known{testSource.Name: testSource}
	_, _, err := inbox.RecordFound(t.Context(), types.NamespacedName{Namespace: "team", Name: "unknown"}, "issue/1", lifecycle.Heard{})
	if err == nil || !strings.Contains(err.Error(), "team/unknown is not known") {
		t.Errorf("gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range maxFinds {
		inbox.finds <- struct{}{}
	}
	if _, _, err := inbox.RecordFound(ctx, testSource.Name, "issue/1", lifecycle.Heard{}); err == nil {
		t.Error("it is recorded though nobody waits for it")
	}
}
