package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestADelayedWatchLagsAndLosesNothing(t *testing.T) {
	const delay, events = time.Second, 100
	namespace := newNamespace(t)
	lagging := clientsFor(t, DelayWatches(shared.Config, delay)).CoreV1().ConfigMaps(namespace)
	direct := clientsFor(t, shared.Config).CoreV1().ConfigMaps(namespace)
	selector := metav1.ListOptions{LabelSelector: "delayed=yes"}
	watch, err := lagging.Watch(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()

	begin := time.Now()
	for i := range events {
		event := configMap(fmt.Sprintf("delayed-%03d", i))
		event.Labels = map[string]string{"delayed": "yes"}
		if _, err := direct.Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := lagging.List(t.Context(), selector); err != nil || len(list.Items) != events {
		t.Errorf("a list, which is not delayed: %d, %v", len(list.Items), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range events {
		select {
		case event := <-watch.ResultChan():
			if i == 0 && time.Since(begin) < delay {
				t.Errorf("the first event came after %s", time.Since(begin))
			}
			if got, want := event.Object.(*corev1.ConfigMap).Name, fmt.Sprintf("delayed-%03d", i); got != want {
				t.Fatalf("event %d is of %s", i, got)
			}
		case <-ctx.Done():
			t.Fatalf("event %d did not come", i)
		}
	}
}

func TestADelayLineHandsOnEachPieceExactlySoMuchLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sender := io.Pipe()
		line := newDelayLine(source, 2*time.Second)
		begin := time.Now()
		go func() {
			for i := range 5 {
				fmt.Fprintf(sender, "%d", i)
				<-time.After(time.Second)
			}
			_ = sender.CloseWithError(io.ErrUnexpectedEOF)
		}()
		for i := range 5 {
			piece := make([]byte, 10)
			n, err := line.Read(piece)
			if want := time.Duration(i+2) * time.Second; string(piece[:n]) != fmt.Sprint(i) || err != nil || time.Since(begin) != want {
				t.Errorf("piece %d: %q, %v, after %s, want %s", i, piece[:n], err, time.Since(begin), want)
			}
		}
		if _, err := line.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) || time.Since(begin) != 7*time.Second {
			t.Errorf("end: %v after %s", err, time.Since(begin))
		}
	})
}

func TestADelayLineIsReadInSmallPiecesToo(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	line := newDelayLine(io.NopCloser(bytes.NewReader(content)), 0)
	got, err := io.ReadAll(smallReads{line})
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
	}
}

func TestClosingADelayLineEndsAWaitingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sender := io.Pipe()
		line := newDelayLine(source, time.Hour)
		begin := time.Now()
		go func() {
			_, _ = sender.Write([]byte("never seen"))
			<-time.After(time.Second)
			_ = line.Close()
		}()
		if _, err := line.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) || time.Since(begin) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

// smallReads reads seven bytes at a time.
type smallReads struct{ io.Reader }

func (r smallReads) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 7)]) }
