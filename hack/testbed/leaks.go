package testbed

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Leaks finds which of the secrets are in a text: as they are, or as a URL, JSON, base64 or hex would write them.
func Leaks(text string, secrets map[string]string) []string {
	var found []string
	for name, secret := range secrets {
		for _, form := range []string{
			secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// EverythingButSecrets is each object of the cluster, of every kind that can be listed, as JSON by kind and name.
func EverythingButSecrets(t testing.TB, config *rest.Config) map[string]string {
	t.Helper()
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	Must(t, err)
	client, err := dynamic.NewForConfig(config)
	Must(t, err)
	lists, err := kinds.ServerPreferredResources()
	Must(t, err)
	everything := map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		Must(t, err)
		for _, resource := range list.APIResources {
			if resource.Kind == "Secret" || !strings.Contains(strings.Join(resource.Verbs, " "), "list") {
				continue
			}
			objects, err := client.Resource(version.WithResource(resource.Name)).List(t.Context(), metav1.ListOptions{})
			Must(t, err)
			for _, object := range objects.Items {
				text, err := json.Marshal(object.Object)
				Must(t, err)
				everything[resource.Kind+" "+object.GetNamespace()+"/"+object.GetName()] = string(text)
			}
		}
	}
	return everything
}
