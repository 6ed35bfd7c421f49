package spool

import (
	"errors"
	"testing"

	"github.com/go-logr/logr"
)

// A panic of whoever waits for a commit is not that of others, who hear of theirs; and the spool goes on.
func TestAPanicOfOneWhoWaitsStopsNoOther(t *testing.T) {
	s := New(Options{Dir: t.TempDir(), MaxBytes: 1 << 20, Log: logr.Discard(), Trouble: func(string, string) {}})
	s.Start(func(uint64, []byte) {})
	answered := make(chan error, 3)
	s.handedIn.Lock()
	for sequence := range uint64(3) {
		done := func(err error) { answered <- err }
		if sequence == 1 {
			done = func(error) { panic("planted") }
		}
		s.puts = append(s.puts, put{entry{sequence + 1, []byte("x")}, done})
	}
	s.handedIn.Unlock()
	s.awake()
	for range 2 {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
	s.Put(9, []byte("later"), func(err error) { answered <- err })
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What reports a problem may panic: those who wait hear of the failure all the same, and the loop is started again.
func TestAPanicInTheLoopAnswersThoseWhoWaitAndStartsItAgain(t *testing.T) {
	planted := true
	s := New(Options{Dir: t.TempDir(), MaxBytes: 30, Log: logr.Discard(), Trouble: func(string, string) {
		if planted {
			planted = false
			panic("planted")
		}
	}})
	s.Start(func(uint64, []byte) {})
	answered := make(chan error, 1)
	put := func(sequence uint64, value string) error {
		s.Put(sequence, []byte(value), func(err error) { answered <- err })
		return <-answered
	}
	if err := put(1, "this is more than thirty bytes of value"); !errors.Is(err, ErrFull) {
		t.Errorf("what does not fit ends with %v", err)
	}
	if err := put(2, "fits"); err != nil {
		t.Errorf("what fits ends with %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
