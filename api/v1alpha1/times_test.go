package v1alpha1_test

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// oddTimes are near to what a date-time is. The API server takes most of them for one.
var oddTimes = []string{
	"2026-01-31T03:04:05Z",
	"2026-01-31T03:04:05.5Z",
	"2026-01-31T03:04:05,5Z",
	"2026-01-31T03:04:05.123456Z",
	"2026-01-31T03:04:05.1234567Z",
	"2026-01-31T03:04:05+01:00",
	"2026-01-31T03:04:05.123456+01:00",
	"2026-01-31t03:04:05z",
	"2026-01-31T03:04:05x5Z",
	"2026-01-31T03:04:05+99:99",
	"2026-01-31T03:04:05ZT",
	"2026-01-31t03:04:05ztT03:04:05Z",
	"0000-01-01T00:00:00Z",
	"9999-12-31T23:59:59Z",
	"0000-01-01T00:00:00+01:00",
	"9999-12-31T23:59:59-01:00",
	"2026-02-30T03:04:05Z",
	"2026-01-31T24:04:05Z",
	"2026-01-31 03:04:05Z",
	"2026-01-31",
	"",
}

// One object that cannot be read would hide all others of its kind from the operator, in every namespace.
func TestATimeThatIsAcceptedCanBeRead(t *testing.T) {
	administrator := testbed.NewClient(t, cluster(t).Config)
	for plural, good := range goodOf {
		namespace := testbed.Namespace(t, administrator)
		for _, path := range timesOf(t, plural) {
			object := parse(t, good)
			object.SetNamespace(namespace)
			object.SetName("time-" + strings.ToLower(strings.Map(letters, path)))
			written := example{rule: rule{path: path}}
			write := written.writer(t, administrator, object)
			for _, odd := range oddTimes {
				changed := written.with(t, object, odd)
				if write(changed) != nil {
					continue
				}
				if err := read(changed); err != nil {
					t.Errorf("%s takes %q, which cannot be read: %v", plural, path, err)
				}
			}
		}
	}
}

// timesOf are the paths of all times but those in conditions, which are Kubernetes' own and written by operators alone.
func timesOf(t *testing.T, plural string) []string {
	t.Helper()
	var paths []string
	walk(t, "", schemaOf(t, plural), func(path string, node *apiextensionsv1.JSONSchemaProps) {
		if node.Format == "date-time" && !strings.HasPrefix(path, "status.conditions") {
			paths = append(paths, path)
		}
	})
	return paths
}

// letters leaves of a path what a name can have.
func letters(r rune) rune {
	if strings.ContainsRune(".[]", r) {
		return -1
	}
	return r
}
