// Package config_test applies what a user applies, to the real API server.
package config_test

import (
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control testbed.ControlPlane

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// install applies a folder as the README says. A warning, such as that of Pod security, is an error.
func install(t *testing.T, folder string) {
	t.Helper()
	_, err := control.Get(t).Kubectl(t.Context(), "apply", "--server-side", "--warnings-as-errors", "-k", folder)
	testbed.Must(t, err)
}

func TestWhatIsInstalledIsAcceptedWithoutAWarning(t *testing.T) {
	for _, folder := range []string{"config/default", "config/ingress", "config/samples"} {
		t.Run(folder, func(t *testing.T) {
			install(t, folder)
			// A second time is what an upgrade does.
			install(t, folder)
		})
	}
}

func TestTheOperatorsPodIsRestrictedAndALooserOneIsRefused(t *testing.T) {
	install(t, "config/default")
	api := testbed.NewClient(t, control.Get(t).Config)
	var deployment appsv1.Deployment
	testbed.Must(t, api.Get(t.Context(), client.ObjectKey{Namespace: "itoc360-system", Name: "itoc360-operator"}, &deployment))
	for name, test := range map[string]struct {
		loosen  func(*corev1.PodSpec)
		refused bool
	}{
		"as it is":                    {func(*corev1.PodSpec) {}, false},
		"as root":                     {func(p *corev1.PodSpec) { p.SecurityContext.RunAsUser = ptr.To[int64](0) }, true},
		"perhaps as root":             {func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot = nil }, true},
		"without a seccomp profile":   {func(p *corev1.PodSpec) { p.SecurityContext.SeccompProfile = nil }, true},
		"with capabilities":           {func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil }, true},
		"with more rights than given": {func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil }, true},
		"on the node's network":       {func(p *corev1.PodSpec) { p.HostNetwork = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: deployment.Namespace, GenerateName: deployment.Name + "-"},
				Spec:       *deployment.Spec.Template.Spec.DeepCopy(),
			}
			test.loosen(&pod.Spec)
			err := api.Create(t.Context(), pod, client.DryRunAll)
			if test.refused != apierrors.IsForbidden(err) || !test.refused && err != nil {
				t.Errorf("creating the Pod: %v; refused should be %t", err, test.refused)
			}
		})
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	if !ptr.Deref(container.SecurityContext.ReadOnlyRootFilesystem, false) {
		t.Error("the root file system can be written to, which Pod security does not forbid")
	}
}
