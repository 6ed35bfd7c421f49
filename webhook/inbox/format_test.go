package inbox

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/spool"
)

// heardWhole is a signal with a value in each field that goes to disk.
func heardWhole(t *testing.T) lifecycle.Heard {
	t.Helper()
	heard := heardFully
	heard.Acknowledged, heard.Asked, heard.Changed = noon.Add(time.Second), noon.Add(2*time.Second), noon.Add(3*time.Second)
	heard.Merged = &lifecycle.Merged{AcknowledgedBy: "alice", AcknowledgedAt: metav1.NewTime(noon), Pages: true}
	heard.Signal.Quiet, heard.Signal.Note, heard.Signal.Effect = true, "deleted", "None"
	heard.Signal.Until = &metav1.Time{Time: noon}
	facts := reflect.ValueOf(&heard.Facts).Elem()
	for i := range facts.NumField() {
		if facts.Type().Field(i).Type == reflect.TypeFor[*string]() {
			facts.Field(i).Set(reflect.ValueOf(ptr.To("the " + facts.Type().Field(i).Name)))
		}
	}
	for _, whole := range []reflect.Value{reflect.ValueOf(heard), reflect.ValueOf(heard.Signal), facts, reflect.ValueOf(*heard.Merged)} {
		for i := range whole.NumField() {
			field := whole.Type().Field(i)
			if whole.Field(i).IsZero() && field.Tag.Get("json") != "-" {
				t.Fatalf("%s.%s has no value: give it one, and think of what lies on disk", whole.Type().Name(), field.Name)
			}
			if field.Tag.Get("json") == "" {
				t.Errorf("%s.%s has no json tag: its name would be part of the format", whole.Type().Name(), field.Name)
			}
		}
	}
	return heard
}

// What lies on disk outlives the process that wrote it: a change of these bytes is a change of formatVersion.
func TestTheFormatOnDiskIsAsItIsWritten(t *testing.T) {
	heard := heardWhole(t)
	value, err := encode(testKey, heard)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "version-1.json")
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(value); got != strings.TrimSpace(string(want)) {
		t.Errorf("what is written is not %s, but\n%s", file, got)
	}
	for name, stored := range map[string]string{
		"as it is written":   string(want),
		"without a version":  strings.Replace(string(want), `"version":1,`, "", 1),
		"with a newer field": strings.Replace(string(want), `"test":true`, `"test":true,"newer":{"a":1}`, 1),
	} {
		key, read, err := decode([]byte(stored))
		if err != nil || key != testKey {
			t.Errorf("%s: %v, %v", name, key, err)
		}
		if again, err := encode(key, read); err != nil || !bytes.Equal(again, value) {
			t.Errorf("%s: read as %s, %v", name, again, err)
		}
	}
}

func TestAnEntryOfAnotherVersionStaysOnDiskAndHoldsUpNothing(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir, "a")
	foreign := spool.New(spool.Options{Dir: dir, MaxBytes: 1 << 20, Log: logr.Discard(), Trouble: func(string, string) {}})
	foreign.Start(func(uint64, []byte) {})
	value, err := encode(testKey, heardAs("newer"))
	if err != nil {
		t.Fatal(err)
	}
	newer := []byte(strings.Replace(string(value), `"version":1`, `"version":99`, 1))
	done := make(chan error, 1)
	foreign.Put(uint64(time.Now().UnixNano()), newer, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := foreign.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := aside(asideVersion)
	served := &server{}
	p, _ := startServed(t, dir, served)
	p.hear(t, "b")
	eventually(t, "the others are recorded", served.has("a", "b"))
	drained(t, p.Inbox)
	if got := aside(asideVersion) - before; got != 1 {
		t.Errorf("%v are set aside", got)
	}
	p.kill()
	var left []string
	again := spool.New(spool.Options{Dir: dir, MaxBytes: 1 << 20, Log: logr.Discard(), Trouble: func(string, string) {}})
	again.Start(func(_ uint64, value []byte) { left = append(left, string(value)) })
	if err := again.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0] != string(newer) {
		t.Errorf("on disk is left %q", left)
	}
}

func TestWhatHasNoSourceWaitsUntilThatCountsAsDeleted(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir, "created")
	// The process has run for long when it first looks for the source.
	clock := clocktesting.NewFakePassiveClock(time.Now())
	p := startProcess(t, dir, func(b *Inbox) {
		b.named, b.clock, b.retryAfter = known{}, clock, 20*time.Millisecond
	})
	looked := func(after time.Duration) {
		clock.SetTime(clock.Now().Add(after))
		p.mu.Lock()
		failures := p.queues[testKey].failures
		p.mu.Unlock()
		eventually(t, "it is looked for again", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.queues[testKey] == nil || p.queues[testKey].failures > failures
		})
	}
	looked(0)
	looked(9 * time.Minute)
	p.mu.Lock()
	isThere := p.queues[testKey] != nil
	p.mu.Unlock()
	if !isThere {
		t.Fatal("nine minutes after its source was found missing it is gone")
	}
	looked(2 * time.Minute)
	drained(t, p.Inbox)
	p.kill()
	if left := onDisk(t, dir); left != "" {
		t.Errorf("on disk is left %q", left)
	}
}
