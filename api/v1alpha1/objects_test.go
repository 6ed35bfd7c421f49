package v1alpha1_test

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// goodOf are good objects of each kind, with something in every field.
var goodOf = map[string]string{
	alertSources:         goodAlertSource,
	escalationPolicies:   goodEscalationPolicy,
	onCallSchedules:      goodOnCallSchedule,
	incidents:            goodIncident,
	notificationChannels: goodNotificationChannel,
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	testbed.Must(t, yaml.UnmarshalStrict([]byte(text), &object.Object))
	return object
}

// read reads an object as the operator does.
func read(object *unstructured.Unstructured) error {
	text, err := json.Marshal(object.Object)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	into, err := scheme.New(v1alpha1.GroupVersion.WithKind(object.GetKind()))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// put writes a value at a path such as spec.signals[0].time, or takes away what is there.
func put(t *testing.T, object map[string]any, path string, value any) {
	t.Helper()
	names := strings.Split(path, ".")
	last := len(names) - 1
	for _, name := range names[:last] {
		object = child(t, object, name)
	}
	name, isElement := strings.CutSuffix(names[last], "[0]")
	switch value.(type) {
	case unchanged:
	case absent:
		delete(object, name)
	default:
		if isElement {
			value = []any{value}
		}
		object[name] = value
	}
}

func child(t *testing.T, object map[string]any, name string) map[string]any {
	t.Helper()
	name, isElement := strings.CutSuffix(name, "[0]")
	value := object[name]
	if list, isList := value.([]any); isElement && isList {
		value = list[0]
	}
	found, isObject := value.(map[string]any)
	if !isObject {
		t.Fatalf("the good object has nothing at %s", name)
	}
	return found
}
