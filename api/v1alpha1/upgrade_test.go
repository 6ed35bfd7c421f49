package v1alpha1_test

import (
	"context"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// copyOf is a CRD under another group, so that it can be changed without disturbing other tests.
func copyOf(t *testing.T, plural, group string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crd := readCRD(t, plural)
	crd.Name, crd.Spec.Group = plural+"."+group, group
	crd.Spec.Names.ShortNames, crd.Spec.Names.Categories = nil, nil
	return crd
}

// apply installs a CRD, or changes it, and waits until it is served.
func apply(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	crd.TypeMeta = metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"}
	text, err := yaml.Marshal(crd)
	testbed.Must(t, err)
	testbed.Must(t, cluster(t).Apply(t.Context(), string(text)))
	testbed.Eventually(t, crd.Name+" are served", func(ctx context.Context) bool {
		_, err := cluster(t).Kubectl(ctx, "get", crd.Name)
		return err == nil
	})
}

// goodCopy is a good object of a kind under another group, in a namespace of its own.
func goodCopy(t *testing.T, administrator client.Client, plural, group string) *unstructured.Unstructured {
	t.Helper()
	object := parse(t, strings.Replace(goodOf[plural], v1alpha1.GroupVersion.Group, group, 1))
	object.SetNamespace(testbed.Namespace(t, administrator))
	return object
}

// withoutRules takes every rule about a text or in CEL from a schema.
func withoutRules(node apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
	node.XValidations, node.Enum, node.MaxLength, node.Pattern = nil, nil, nil, ""
	for name, child := range node.Properties {
		node.Properties[name] = withoutRules(child)
	}
	if node.Items != nil {
		child := withoutRules(*node.Items.Schema)
		node.Items.Schema = &child
	}
	return node
}

// A rule that comes with an upgrade must not keep the operator from going on with an Incident that is older.
func TestAnIncidentThatIsOlderThanARuleCanStillBeWritten(t *testing.T) {
	const group = "upgrade.example.com"
	administrator := testbed.NewClient(t, cluster(t).Config)
	crd := copyOf(t, incidents, group)
	schema := crd.Spec.Versions[0].Schema
	*schema.OpenAPIV3Schema = withoutRules(*schema.OpenAPIV3Schema)
	apply(t, crd)

	old := goodCopy(t, administrator, incidents, group)
	for path, value := range map[string]any{
		"spec.issue.title":      strings.Repeat("a", 257),
		"spec.alertKey":         "issue/forty-two",
		"spec.priority":         "Unheard",
		"spec.response":         map[string]any{"acknowledgedBy": "alice"},
		"spec.signals[0].event": "Unheard",
	} {
		put(t, old.Object, path, value)
	}
	testbed.Must(t, administrator.Create(t.Context(), old.DeepCopy()))
	apply(t, copyOf(t, incidents, group))
	testbed.Eventually(t, "the rules are in force", func(ctx context.Context) bool {
		another := old.DeepCopy()
		another.SetName("another")
		return administrator.Create(ctx, another, client.DryRunAll) != nil
	})

	merge := client.RawPatch(types.MergePatchType, []byte(`{"status": {"state": "Acknowledged", "observedGeneration": 1}}`))
	if err := administrator.Status().Patch(t.Context(), old.DeepCopy(), merge); err != nil {
		t.Errorf("its status cannot be written: %v", err)
	}
	merge = client.RawPatch(types.MergePatchType, []byte(`{"spec": {"signalCount": 2}}`))
	if err := administrator.Patch(t.Context(), old.DeepCopy(), merge); err != nil {
		t.Errorf("what no rule is about cannot be written: %v", err)
	}
	merge = client.RawPatch(types.MergePatchType, []byte(`{"spec": {"priority": "Unknown"}}`))
	if administrator.Patch(t.Context(), old.DeepCopy(), merge) == nil {
		t.Error("a field can be changed to what its rule refuses")
	}
}

// Sentry is the only type as yet: what the type cannot be changed to shows in a copy that has another.
func TestATypeCannotBeChanged(t *testing.T) {
	const group, another = "types.example.com", "PagerDuty"
	administrator := testbed.NewClient(t, cluster(t).Config)
	crd := copyOf(t, alertSources, group)
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	kind := spec.Properties["type"]
	kind.Enum = append(kind.Enum, apiextensionsv1.JSON{Raw: []byte(`"` + another + `"`)})
	spec.Properties["type"] = kind
	apply(t, crd)

	example := change(typeRule.path, typeRule.message, "Sentry", "Sentry", another)
	example.try(t, administrator, goodCopy(t, administrator, alertSources, group))
}
