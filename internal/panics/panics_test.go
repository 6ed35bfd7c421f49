package panics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestAPanicBecomesAnErrorThatTellsNothingOfItsValue(t *testing.T) {
	var logged strings.Builder
	log := funcr.New(func(_, args string) { logged.WriteString(args) }, funcr.Options{})
	before := testutil.ToFloat64(Total.WithLabelValues("test"))
	err := Catch(log, "test", func() { panic("planted") })
	if !Is(err) || !Is(fmt.Errorf("wrapped: %w", err)) || strings.Contains(err.Error(), "planted") {
		t.Errorf("it is %v", err)
	}
	if testutil.ToFloat64(Total.WithLabelValues("test")) != before+1 {
		t.Error("it is not counted")
	}
	if text := logged.String(); !strings.Contains(text, "planted") || !strings.Contains(text, "panics_test.go") {
		t.Errorf("the log has %s", text)
	}
	if err := Catch(log, "test", func() {}); err != nil {
		t.Errorf("without a panic it is %v", err)
	}
	usual := errors.New("usual")
	if err := CatchError(log, "test", func() error { return usual }); !errors.Is(err, usual) || Is(err) {
		t.Errorf("a usual error becomes %v", err)
	}
	// Since Go 1.21 this is a panic too.
	if err := Catch(log, "test", func() { panic(nil) }); !Is(err) {
		t.Errorf("of nil it is %v", err)
	}
}

func TestALoopThatPanicsIsStartedAgain(t *testing.T) {
	log := funcr.New(func(string, string) {}, funcr.Options{})
	starts := 0
	var earlier context.Context //nolint:containedctx // its end is what is asked for
	ended := errors.New("ended")
	err := KeepRunning(t.Context(), log, "test", func(ctx context.Context) error {
		starts++
		if starts == 1 {
			earlier = ctx
			panic("planted")
		}
		if earlier.Err() == nil {
			t.Error("what the first start subscribed to goes on")
		}
		return ended
	})
	if !errors.Is(err, ended) || starts != 2 {
		t.Errorf("after %d starts it ends with %v", starts, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := KeepRunning(ctx, log, "test", func(context.Context) error { panic("planted") }); err != nil {
		t.Errorf("in a pause it ends with %v", err)
	}
}
