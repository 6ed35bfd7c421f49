package v1alpha1_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// The kinds, by the plural that names their CRD.
const (
	alertSources         = "alertsources"
	escalationPolicies   = "escalationpolicies"
	incidents            = "incidents"
	notificationChannels = "notificationchannels"
	onCallSchedules      = "oncallschedules"
)

var kinds = []string{alertSources, escalationPolicies, incidents, notificationChannels, onCallSchedules}

// mapKeys are the keys under which the examples of a map's values stand.
var mapKeys = map[string]string{
	"spec.alertmanager.labels": "team",
	"spec.mapping.actions":     "archived",
	"spec.mapping.categories":  "metric",
	"spec.mapping.levels":      "fatal",
}

// readCRD reads a CRD as it is generated.
func readCRD(t *testing.T, plural string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "itoc360.io_"+plural+".yaml"))
	testbed.Must(t, err)
	crd := &apiextensionsv1.CustomResourceDefinition{}
	testbed.Must(t, yaml.UnmarshalStrict(text, crd))
	return crd
}

// schemaOf is the schema of the only version of a CRD.
func schemaOf(t *testing.T, plural string) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	versions := readCRD(t, plural).Spec.Versions
	if len(versions) != 1 {
		t.Fatalf("%s have %d versions; these tests know one", plural, len(versions))
	}
	return versions[0].Schema.OpenAPIV3Schema
}

// visitor is called with a node of a schema and its path, such as spec.signals[0].time.
type visitor func(path string, node *apiextensionsv1.JSONSchemaProps)

// walk visits a node of a schema and all below it.
func walk(t *testing.T, path string, node *apiextensionsv1.JSONSchemaProps, visit visitor) {
	t.Helper()
	visit(path, node)
	for name := range node.Properties {
		child := node.Properties[name]
		walk(t, join(path, name), &child, visit)
	}
	if node.Items != nil {
		walk(t, path+"[0]", node.Items.Schema, visit)
	}
	if node.AdditionalProperties != nil {
		key, known := mapKeys[path]
		if !known {
			t.Errorf("%s is a map; write into mapKeys which key its examples have", path)
		}
		walk(t, join(path, key), node.AdditionalProperties.Schema, visit)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func TestEveryFieldIsDescribed(t *testing.T) {
	for _, plural := range kinds {
		walk(t, "", schemaOf(t, plural), func(path string, node *apiextensionsv1.JSONSchemaProps) {
			for name := range node.Properties {
				field := join(path, name)
				// The API server describes metadata itself.
				if field != "metadata" && node.Properties[name].Description == "" {
					t.Errorf("%s: %s has no description", plural, field)
				}
			}
		})
	}
}

func TestEveryTextListAndMapIsBounded(t *testing.T) {
	// The API server bounds them itself.
	bounded := []string{"apiVersion", "kind", "metadata"}
	for _, plural := range kinds {
		walk(t, "", schemaOf(t, plural), func(path string, node *apiextensionsv1.JSONSchemaProps) {
			switch {
			case slices.Contains(bounded, path):
			case node.Type == "string" && node.MaxLength == nil && node.Enum == nil && node.Format == "":
				t.Errorf("%s: the text %s has no maxLength", plural, path)
			case node.Type == "array" && node.MaxItems == nil:
				t.Errorf("%s: the list %s has no maxItems", plural, path)
			case node.AdditionalProperties != nil && node.MaxProperties == nil:
				t.Errorf("%s: the map %s has no maxProperties", plural, path)
			}
		})
	}
}
