package loop

import (
	"errors"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestAnErrorIsReturnedAndNotAskedToBeRepeated(t *testing.T) {
	trouble := errors.New("the API server is away")
	if result, err := Again(trouble); result != (ctrl.Result{}) || !errors.Is(err, trouble) {
		t.Errorf("gives %+v, %v", result, err)
	}
}

func TestTheSoonestTimeIsNeverAndNeverInThePast(t *testing.T) {
	for name, c := range map[string]struct {
		times []time.Time
		want  time.Duration
	}{
		"none":              {nil, 0},
		"only never":        {[]time.Time{{}, {}}, 0},
		"the earlier one":   {[]time.Time{testbed.At(2 * time.Minute), {}, testbed.At(time.Minute)}, time.Minute},
		"one that is past":  {[]time.Time{testbed.At(-time.Minute), testbed.At(time.Minute)}, time.Millisecond},
		"one that is right": {[]time.Time{testbed.At(0)}, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Soonest(testbed.Start, c.times...); got != c.want {
				t.Errorf("soonest is %s, want %s", got, c.want)
			}
		})
	}
}
