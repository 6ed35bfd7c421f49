package v1alpha1_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// example is a value that a rule accepts and one that it refuses, in an object that is good otherwise.
type example struct {
	rule rule
	// good is the object that is good otherwise. Default: the kind's.
	good string
	// at is the path where the values are put. Default: the rule's.
	at string
	// stored is the value that is there before, for a rule about changes.
	stored any
	// accepted and refused may be absent.
	accepted, refused any
	// field is the one that the API server's answer is about. Default: the path of the rule.
	field string
	// answer is the API server's to what is refused. Default: the message of the rule.
	answer string
}

// statusPrefix begins the path of what only a write of the status can change.
const statusPrefix = "status."

// absent as an example's value leaves the field away.
type absent struct{}

// unchanged as an example's value leaves what the good object has.
type unchanged struct{}

// examplesOf are the examples of each kind.
var examplesOf = map[string][]example{
	alertSources:         alertSourceExamples(),
	onCallSchedules:      onCallScheduleExamples(),
	escalationPolicies:   slices.Concat(escalationPolicyExamples(), escalationPolicyStatusExamples()),
	incidents:            incidentExamples(),
	notificationChannels: notificationChannelExamples(),
}

func TestEachRuleAcceptsAndRefuses(t *testing.T) {
	for plural, examples := range examplesOf {
		administrator := testbed.NewClient(t, cluster(t).Config)
		namespace := testbed.Namespace(t, administrator)
		for number, example := range examples {
			t.Run(plural+"/"+example.rule.String(), func(t *testing.T) {
				object := parse(t, cmp.Or(example.good, goodOf[plural]))
				object.SetNamespace(namespace)
				object.SetName(fmt.Sprintf("example-%d", number))
				example.try(t, administrator, object)
			})
		}
	}
}

func (e example) try(t *testing.T, administrator client.Client, object *unstructured.Unstructured) {
	t.Helper()
	write := e.writer(t, administrator, object)
	accepted := e.with(t, object, e.accepted)
	if err := write(accepted); err != nil {
		t.Errorf("%v is refused: %v", e.accepted, err)
	}
	if err := read(accepted); err != nil {
		t.Errorf("%v is accepted and cannot be read: %v", e.accepted, err)
	}
	err := write(e.with(t, object, e.refused))
	if err == nil {
		t.Fatalf("%v is accepted", e.refused)
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Reason != metav1.StatusReasonInvalid {
		t.Fatalf("%v is refused for another reason: %v", e.refused, err)
	}
	causes := status.Status().Details.Causes
	if !slices.ContainsFunc(causes, e.explains) {
		t.Errorf("%v is refused\nwith %q\nand not with %q for %s", e.refused, causes, e.wanted(), e.rule.path)
	}
}

// writer is the write that the rule is about. None changes what is stored, so that one object serves for all.
func (e example) writer(t *testing.T, c client.Client, object *unstructured.Unstructured) func(client.Object) error {
	t.Helper()
	isStatus := strings.HasPrefix(e.rule.path, statusPrefix)
	if !isStatus && e.stored == nil {
		return func(o client.Object) error { return c.Create(t.Context(), o, client.DryRunAll) }
	}
	if e.stored != nil {
		object.Object = e.with(t, object, e.stored).Object
	}
	status := object.Object["status"]
	testbed.Must(t, c.Create(t.Context(), object))
	// The answer to the Create has no status but the default.
	object.Object["status"] = status
	if isStatus {
		return func(o client.Object) error { return c.Status().Update(t.Context(), o, client.DryRunAll) }
	}
	return func(o client.Object) error { return c.Update(t.Context(), o, client.DryRunAll) }
}

// with is a copy of an object with a value in the example's place.
func (e example) with(t *testing.T, object *unstructured.Unstructured, value any) *unstructured.Unstructured {
	t.Helper()
	changed := object.DeepCopy()
	put(t, changed.Object, cmp.Or(e.at, e.rule.path), value)
	return changed
}

// explains reports whether a cause of the refusal names the field and says what it must, after the kind of error and
// the value.
func (e example) explains(cause metav1.StatusCause) bool {
	field := cmp.Or(e.field, e.rule.path, "<nil>")
	return cause.Field == field && strings.HasSuffix(": "+cause.Message, ": "+e.wanted())
}

func (e example) wanted() string { return cmp.Or(e.answer, e.rule.message) }
