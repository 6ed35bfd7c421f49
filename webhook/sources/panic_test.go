package sources

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// A panic is planted where one source's Secret is read: the others are known, and it takes webhooks as before.
func TestAPanicOverOneSourceStopsNoOther(t *testing.T) {
	object := func(name string) v1alpha1.AlertSource {
		return v1alpha1.AlertSource{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
			Spec:       v1alpha1.AlertSourceSpec{TokenRef: &v1alpha1.SecretKeyReference{Name: name, Key: "token"}},
		}
	}
	bad, good := types.NamespacedName{Namespace: "team", Name: "bad"}, types.NamespacedName{Namespace: "team", Name: "good"}
	d := NewDirectory(nil, nil, nil)
	token := digestOf([]byte("a token of before"))
	before := object("bad")
	d.current.Store(&snapshot{byName: map[types.NamespacedName]*Source{bad: {Object: &before, Name: bad, tokens: []digest{token}}}})
	// A watch without an informer panics when it is read.
	d.watches.watches[bad] = &secretWatch{}
	next := d.gather([]v1alpha1.AlertSource{object("bad"), object("good")})
	if next.byName[good] == nil || len(next.byName[good].problems) > 0 {
		t.Errorf("the other source is %+v", next.byName[good])
	}
	if got := next.byToken[token]; len(got) != 1 || got[0].Name != bad {
		t.Errorf("its token is that of %v", got)
	}
	if got := next.byName[bad]; len(got.problems) != 1 || !strings.Contains(got.problems[0], "panicked") {
		t.Errorf("its problems are %q", got.problems)
	}
	if d.current.Load().looks(bad) == next.looks(bad) {
		t.Error("whoever subscribed does not hear of it")
	}
	delete(d.watches.watches, bad)
	if healed := d.gather([]v1alpha1.AlertSource{object("bad")}); len(healed.byName[bad].problems) > 0 {
		t.Errorf("once the cause is gone its problems are %q", healed.byName[bad].problems)
	}
}
