package loop

import (
	"sync/atomic"
	"testing"
	"time"
)

// intake is busy for so many looks.
type intake struct{ looks atomic.Int64 }

func (i *intake) Busy() bool { return i.looks.Add(-1) >= 0 }

func TestALoopYieldsWhileTheIntakeIsBusy(t *testing.T) {
	one := &intake{}
	one.looks.Store(4)
	if !Yield(t.Context(), one, time.Minute) {
		t.Error("it says that it did not")
	}
	if left := one.looks.Load(); left != -1 {
		t.Errorf("it went on with %d looks to go", left)
	}
}

func TestALoopDoesNotWaitForAnIntakeThatIsIdle(t *testing.T) {
	if Yield(t.Context(), &intake{}, time.Hour) || Yield(t.Context(), nil, time.Hour) {
		t.Error("it waited")
	}
}

func TestALoopDoesNotYieldForEver(t *testing.T) {
	one := &intake{}
	one.looks.Store(1 << 30)
	began := time.Now()
	Yield(t.Context(), one, Paging)
	if took := time.Since(began); took < Paging {
		t.Errorf("it yielded for %s only", took)
	}
}
