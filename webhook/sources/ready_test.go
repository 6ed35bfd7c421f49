package sources

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestSourcesThatComeLaterDoNotHoldUpReadiness(t *testing.T) {
	name := func(name string) types.NamespacedName { return types.NamespacedName{Namespace: "team", Name: name} }
	read, unread := &Source{}, &Source{unread: true}
	for title, test := range map[string]struct {
		snapshots []map[types.NamespacedName]*Source
		ready     bool
	}{
		"no source at all":                {[]map[types.NamespacedName]*Source{{}}, true},
		"one that is not read":            {[]map[types.NamespacedName]*Source{{name("a"): unread}}, false},
		"one that is read later":          {[]map[types.NamespacedName]*Source{{name("a"): unread}, {name("a"): read}}, true},
		"one that goes before it is read": {[]map[types.NamespacedName]*Source{{name("a"): unread}, {}}, true},
		"another that comes meanwhile": {
			[]map[types.NamespacedName]*Source{{name("a"): unread}, {name("a"): read, name("b"): unread}}, true,
		},
		"each read at another time": {
			[]map[types.NamespacedName]*Source{
				{name("a"): unread, name("b"): unread}, {name("a"): read, name("b"): unread}, {name("a"): unread, name("b"): read},
			}, true,
		},
	} {
		t.Run(title, func(t *testing.T) {
			directory := NewDirectory(nil, nil, nil)
			for _, known := range test.snapshots {
				directory.await(&snapshot{byName: known})
			}
			if directory.Ready() != test.ready {
				t.Errorf("ready is %t, want %t", directory.Ready(), test.ready)
			}
		})
	}
}
