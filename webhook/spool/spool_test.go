package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// patience bounds a failure, it measures nothing.
const patience = 30 * time.Second

// world is a spool's directory, and what was heard of each spool in it.
type world struct {
	dir  string
	most int64

	mu       sync.Mutex
	problems []string
	found    []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{dir: filepath.Join(t.TempDir(), "spool"), most: 1 << 20}
}

// open opens a spool until the test ends.
func (w *world) open(t *testing.T) (spool *Spool, closeIt func()) {
	t.Helper()
	w.problems, w.found = nil, nil
	spool = New(Options{Dir: w.dir, MaxBytes: w.most, Log: logr.Discard(), Trouble: func(reason, _ string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.problems = append(w.problems, reason)
	}})
	spool.Start(func(sequence uint64, value []byte) { w.found = append(w.found, fmt.Sprintf("%d %s", sequence, value)) })
	closeIt = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := spool.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closeIt)
	return spool, closeIt
}

func (w *world) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.problems)
}

// putAll puts entries and waits until each is told of.
func putAll(t *testing.T, spool *Spool, values ...string) []error {
	t.Helper()
	errs := make([]error, len(values))
	var told sync.WaitGroup
	told.Add(len(values))
	for i, value := range values {
		spool.Put(uint64(i+1), []byte(value), func(err error) {
			errs[i] = err
			told.Done()
		})
	}
	told.Wait()
	return errs
}

func mustPut(t *testing.T, spool *Spool, values ...string) {
	t.Helper()
	if err := errors.Join(putAll(t, spool, values...)...); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasPutAndNotRemovedIsFoundInOrder(t *testing.T) {
	w := newWorld(t)
	spool, closeIt := w.open(t)
	mustPut(t, spool, "a", "b", "c", "d")
	spool.Remove(2)
	spool.Remove(7)
	closeIt()
	again, _ := w.open(t)
	if got, want := fmt.Sprint(w.found), "[1 a 3 c 4 d]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	values, err := again.Get([]uint64{4, 2, 1})
	if got, want := fmt.Sprintf("%s", values), "[d  a]"; got != want || err != nil || values[1] != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if again.depth != 3 || again.bytes != 3*sizeOf(1) {
		t.Errorf("counts %d entries of %d bytes", again.depth, again.bytes)
	}
}

func TestASpoolIsBoundedAndRoomComesBack(t *testing.T) {
	w := newWorld(t)
	w.most = 3 * sizeOf(10)
	spool, _ := w.open(t)
	ten := "0123456789"
	errs := putAll(t, spool, ten, ten, ten, ten, ten)
	for i, err := range errs {
		if (err == nil) != (i < 3) || (err != nil && !errors.Is(err, ErrFull)) {
			t.Errorf("put %d ended as %v", i, err)
		}
	}
	if got := w.heard(); got != "[SpoolFull]" {
		t.Errorf("heard of %s", got)
	}
	spool.Remove(1, 2, 3)
	mustPut(t, spool, ten, ten, ten)
}

func TestTwoProcessesDoNotShareASpool(t *testing.T) {
	w := newWorld(t)
	first, _ := w.open(t)
	mustPut(t, first, "a")
	second, _ := w.open(t)
	if err := putAll(t, second, "b")[0]; !errors.Is(err, ErrDown) {
		t.Errorf("the second process put something: %v", err)
	}
	if got := w.heard(); got != "[SpoolUnavailable]" {
		t.Errorf("heard of %s", got)
	}
	mustPut(t, first, "c")
}

func TestADirectoryThatCannotBeWrittenIsToldOfAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	// A file in its place: that hinders root too.
	if err := os.WriteFile(w.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	spool, _ := w.open(t)
	if err := putAll(t, spool, "a")[0]; !errors.Is(err, ErrDown) {
		t.Errorf("the put ended as %v", err)
	}
	if _, err := spool.Get([]uint64{1}); !errors.Is(err, ErrDown) {
		t.Errorf("reading ended as %v", err)
	}
	if got := w.heard(); got != "[SpoolUnavailable]" {
		t.Errorf("heard of %s", got)
	}
	if err := os.Remove(w.dir); err != nil {
		t.Fatal(err)
	}
	spool.open()
	mustPut(t, spool, "a")
}

// fill makes a file of many pages, and gives how large it is.
func (w *world) fill(t *testing.T, entries int) (path string, size int64) {
	t.Helper()
	spool, closeIt := w.open(t)
	values := make([]string, entries)
	for i := range values {
		values[i] = fmt.Sprintf("%0200d", i)
	}
	mustPut(t, spool, values...)
	closeIt()
	path = filepath.Join(w.dir, fileName)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, info.Size()
}

func TestAFileCutShortAnywhereIsSetAsideAndWhatCanBeReadIsKept(t *testing.T) {
	const entries = 400
	for _, part := range []int64{0, 1, 4096, 9000, 20_000, 45_000, 90_000} {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			w := newWorld(t)
			path, _ := w.fill(t, entries)
			if err := os.Truncate(path, part); err != nil {
				t.Fatal(err)
			}
			spool, _ := w.open(t)
			if got := w.heard(); part > 0 && got != "[SpoolDamaged]" {
				t.Errorf("heard of %s", got)
			}
			if len(w.found) == entries {
				t.Error("everything was found: the file was not cut")
			}
			for i, found := range w.found {
				if want := fmt.Sprintf("%d %0200d", i+1, i); found != want {
					t.Fatalf("found %q, want %q", found, want)
				}
			}
			t.Logf("%d of %d entries kept", len(w.found), entries)
			_, err := os.Stat(filepath.Join(w.dir, damagedName))
			if part > 0 && err != nil {
				t.Error(err)
			}
			mustPut(t, spool, "new")
		})
	}
}

func TestAnyPageThatWasOverwrittenIsNoticed(t *testing.T) {
	w := newWorld(t)
	path, size := w.fill(t, 300)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := int64(0); at < size; at += 4096 {
		torn := append([]byte(nil), whole...)
		for i := at + 100; i < at+1100; i++ {
			torn[i] ^= 0x5a
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		_, closeIt := w.open(t)
		if w.heard() == "[SpoolDamaged]" {
			noticed++
		} else if len(w.found) != 300 {
			t.Errorf("page %d: %d entries are found, and no damage", at/4096, len(w.found))
		}
		closeIt()
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if noticed == 0 {
		t.Error("no damage was noticed: this has shown nothing")
	}
	t.Logf("noticed in %d of %d pages; the others were free", noticed, size/4096)
}

func TestAFileThatIsCutShortWhileItIsInUseIsReplaced(t *testing.T) {
	w := newWorld(t)
	path, _ := w.fill(t, 400)
	spool, _ := w.open(t)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Get([]uint64{399}); err == nil {
		t.Error("what is gone was read")
	}
	// The write that finds out is refused; the next one has a new file.
	if err := putAll(t, spool, "a")[0]; !errors.Is(err, errDamaged) {
		t.Errorf("the first put ended as %v", err)
	}
	if got := w.heard(); got != "[SpoolDamaged]" {
		t.Errorf("heard of %s", got)
	}
	mustPut(t, spool, "b")
	values, err := spool.Get([]uint64{1})
	if err != nil || string(values[0]) != "b" {
		t.Errorf("got %q, %v", values, err)
	}
}

func TestEntriesAreReadWhileOthersAreWritten(t *testing.T) {
	w := newWorld(t)
	spool, _ := w.open(t)
	mustPut(t, spool, "first")
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for range 100 {
				if values, err := spool.Get([]uint64{1}); err != nil || string(values[0]) != "first" {
					t.Errorf("got %q, %v", values, err)
				}
			}
		})
	}
	for sequence := uint64(2); sequence < 100; sequence++ {
		done := make(chan error, 1)
		spool.Put(sequence, []byte("more"), func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Error(err)
		}
		spool.Remove(sequence)
	}
	reading.Wait()
}

func TestAClosedSpoolRefuses(t *testing.T) {
	w := newWorld(t)
	spool, closeIt := w.open(t)
	closeIt()
	if err := putAll(t, spool, "a")[0]; !errors.Is(err, ErrDown) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, clients := range []int{1, 32, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			spool := New(Options{Dir: b.TempDir(), MaxBytes: 1 << 40, Log: logr.Discard(), Trouble: func(string, string) {}})
			spool.Start(nil)
			value := make([]byte, 1000)
			var next sync.Mutex
			sequence := uint64(0)
			b.SetParallelism(clients)
			b.RunParallel(func(pb *testing.PB) {
				done := make(chan error, 1)
				for pb.Next() {
					next.Lock()
					sequence++
					mine := sequence
					next.Unlock()
					spool.Put(mine, value, func(err error) { done <- err })
					if err := <-done; err != nil {
						b.Error(err)
					}
					spool.Remove(mine)
				}
			})
			_ = spool.Close(b.Context())
		})
	}
}
