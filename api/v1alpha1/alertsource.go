package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// KindAlertSource is the kind of a source, as owner references and applied objects name it.
const KindAlertSource = "AlertSource"

// SourceFinalizer keeps a source that is being deleted for ten seconds, until every replica's intake has heard of it. The
// operator puts it on each source and takes it off.
const SourceFinalizer = "itoc360.io/intake"

// IsOrphaning tells whether a source is being deleted and leaves its Incidents behind (--cascade=orphan).
func (s *AlertSource) IsOrphaning() bool {
	return s.DeletionTimestamp != nil && slices.Contains(s.Finalizers, metav1.FinalizerOrphanDependents)
}

// HasClientSecrets tells whether deliveries of the source must be signed.
func (s *AlertSource) HasClientSecrets() bool {
	return s.Spec.Sentry != nil && len(s.Spec.Sentry.ClientSecretRefs) > 0
}

// AsksSentry tells whether the source is kept in step by Sentry's API.
func (s *AlertSource) AsksSentry() bool {
	return s.Spec.Sentry != nil && s.Spec.Sentry.AuthTokenRef != nil
}

// WritesBack tells whether the source writes anything of what responders do to Sentry.
func (s *AlertSource) WritesBack() bool {
	return s.AsksSentry() && (s.Spec.Sentry.WriteBack.Resolve || s.Spec.Sentry.WriteBack.Comment)
}

// OrganizationURL is the organization of Sentry that the source asks, as baseURL and slug: https://sentry.io/acme.
func (s *AlertSource) OrganizationURL() string {
	return strings.TrimSuffix(s.Spec.Sentry.BaseURL, "/") + "/" + s.Spec.Sentry.Organization
}

// LetsPass tells whether the allow-list lets one of the projects pass. None at all passes too: rather an alert too many than
// one too few.
func (s *AlertSource) LetsPass(projects ...string) bool {
	if s.Spec.Sentry == nil || len(s.Spec.Sentry.Projects) == 0 || len(projects) == 0 {
		return true
	}
	return slices.ContainsFunc(projects, func(project string) bool { return slices.Contains(s.Spec.Sentry.Projects, project) })
}

// IsResyncCondition tells whether a condition of a source follows from passes over Sentry's issues.
func IsResyncCondition(condition metav1.Condition) bool {
	switch condition.Type {
	case ConditionInSync, ConditionDelivering, ConditionClockSkewed, ConditionWritesBack:
		return true
	default:
		return false
	}
}

// StatusToApply is the object by whose server-side apply a status, or a part of it, becomes that of the source of this
// name. To mean exactly this source needs its resourceVersion too: of a status, the API server heeds no UID.
func (s *AlertSource) StatusToApply(status AlertSourceStatus) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, fmt.Errorf("encode the status: %w", err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	object.SetGroupVersionKind(GroupVersion.WithKind(KindAlertSource))
	object.SetNamespace(s.Namespace)
	object.SetName(s.Name)
	return object, nil
}
