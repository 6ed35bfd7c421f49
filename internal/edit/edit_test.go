package edit

import (
	"encoding/json"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

type item struct {
	Key   string            `json:"key"`
	Value int               `json:"value,omitempty"`
	At    *metav1.MicroTime `json:"at,omitempty"`
}

type inner struct {
	A string       `json:"a,omitempty"`
	B *metav1.Time `json:"b,omitempty"`
}

type whole struct {
	Name  string   `json:"name"`
	Items []item   `json:"items,omitempty"`
	Words []string `json:"words,omitempty"`
	Inner inner    `json:"inner,omitzero"`
	More  *inner   `json:"more,omitempty"`
	Flag  bool     `json:"flag"`
}

var lists = Match(Lists{}, func(a, b *item) bool { return a.Key == b.Key })

func draw(t *rapid.T, name string) whole {
	times := rapid.SampledFrom([]*metav1.Time{nil, {Time: time.Unix(1, 0).UTC()}, {Time: time.Unix(2, 5).UTC()}})
	letters := rapid.SampledFrom([]string{"", "a", "b"})
	inners := rapid.Custom(func(t *rapid.T) inner { return inner{letters.Draw(t, "a"), times.Draw(t, "b")} })
	// Keys may repeat, as those of what somebody wrote by hand may.
	items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
		return item{rapid.SampledFrom([]string{"k", "l", "m", "n", "o", "p"}).Draw(t, "key"), rapid.IntRange(0, 2).Draw(t, "value"), nil}
	}), 0, 7)
	drawn := whole{
		Name: letters.Draw(t, name), Items: items.Draw(t, "items"), Words: rapid.SliceOfN(letters, 0, 2).Draw(t, "words"),
		Inner: inners.Draw(t, "inner"), Flag: rapid.Bool().Draw(t, "flag"),
	}
	if rapid.Bool().Draw(t, "more") {
		more := inners.Draw(t, "more")
		drawn.More = &more
	}
	return drawn
}

func decode(t *rapid.T, value any) map[string]any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	decoded := map[string]any{}
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// Each object, and each element of a list, has a field that this version does not know.
func extend(object map[string]any) map[string]any {
	object["unknown"] = object["name"]
	items, _ := object["items"].([]any)
	for i, element := range items {
		element.(map[string]any)["unknown"] = float64(i)
	}
	for _, name := range []string{"inner", "more"} {
		if inner, has := object[name].(map[string]any); has {
			inner["unknown"] = name
		}
	}
	return object
}

func TestAPatchDoesWhatItShouldAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := draw(t, "before"), draw(t, "after")
		stored := extend(decode(t, before))
		object, err := json.Marshal(map[string]any{"spec": stored})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Encode(Diff("/spec", &before, &after, lists))
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(text)
		if err != nil {
			t.Fatal(err)
		}
		patched, err := patch.Apply(object)
		if err != nil {
			t.Fatalf("%s does not fit %s: %v", text, object, err)
		}
		var got struct {
			Spec whole `json:"spec"`
		}
		var raw struct {
			Spec map[string]any `json:"spec"`
		}
		if json.Unmarshal(patched, &got) != nil || json.Unmarshal(patched, &raw) != nil {
			t.Fatalf("it made %s", patched)
		}
		if is, want := decode(t, got.Spec), decode(t, after); toText(is) != toText(want) {
			t.Fatalf("%s made %s of %s, and not %s", text, toText(is), object, toText(want))
		}
		checkUnknown(t, before, after, raw.Spec)
	})
}

// checkUnknown asks whether what is still there kept its unknown field.
func checkUnknown(t *rapid.T, before, after whole, patched map[string]any) {
	t.Helper()
	if patched["unknown"] != before.Name {
		t.Fatalf("the object's unknown field is %v", patched["unknown"])
	}
	if before.More != nil && after.More != nil && patched["more"].(map[string]any)["unknown"] != "more" {
		t.Fatalf("that of a pointer is gone: %s", toText(patched))
	}
	items, _ := patched["items"].([]any)
	kept, last := 0, -1.0
	for _, element := range items {
		from, has := element.(map[string]any)["unknown"].(float64)
		if !has {
			continue
		}
		if key := element.(map[string]any)["key"]; key != before.Items[int(from)].Key || from <= last {
			t.Fatalf("the unknown field of element %v is another's: %s", from, toText(patched))
		}
		kept, last = kept+1, from
	}
	if want := common(before.Items, after.Items); kept != want {
		t.Fatalf("%d of %d common elements kept their unknown field: %s", kept, want, toText(patched))
	}
}

// common is how many elements two lists have in common, in their order.
func common(a, b []item) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0].Key == b[0].Key:
		return 1 + common(a[1:], b[1:])
	default:
		return max(common(a[1:], b), common(a, b[1:]))
	}
}

func toText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestWhatIsEqualIsNotTouched(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	at := time.Date(2026, 1, 31, 3, 0, 5, 123_000_000, time.UTC)
	before := whole{Inner: inner{B: &metav1.Time{Time: at}}, Items: []item{{Key: "k", At: &metav1.MicroTime{Time: at}}}}
	same := at.In(berlin)
	after := whole{Inner: inner{B: &metav1.Time{Time: same}}, Items: []item{{Key: "k", At: &metav1.MicroTime{Time: same}}}}
	if operations := Diff("/spec", &before, &after, lists); len(operations) != 0 {
		t.Errorf("of the same there are %v", operations)
	}
}

func TestKeysAreEscaped(t *testing.T) {
	if got := Key("itoc360.io/a~b"); got != "itoc360.io~1a~0b" {
		t.Errorf("it is %s", got)
	}
}
