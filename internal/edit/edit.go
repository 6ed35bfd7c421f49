// Package edit makes JSON patches (RFC 6902) that touch only what changed. Fields that this version does not know are never in
// a patch, so they survive; a list is not replaced as a whole, and its elements are matched by what they are, not by their place.
// It is pure.
//
// The operations rest on the object as it was read: its lists have the elements, and the order, that the patch expects. So a
// patch begins with a test of the object's metadata.resourceVersion or, where it touches spec alone, metadata.generation.
package edit

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Lists says how the elements of lists are matched, by the type of the element. Each function takes pointers to two elements, and
// reports whether they are the same one, perhaps with changed fields. A list of a type without a function is replaced as a whole.
type Lists map[reflect.Type]func(a, b any) bool

// Match makes an entry of Lists. The function must not change what it compares.
func Match[T any](lists Lists, isSame func(a, b *T) bool) Lists {
	lists[reflect.TypeFor[T]()] = func(a, b any) bool { return isSame(a.(*T), b.(*T)) }
	return lists
}

// Diff returns the operations that make one struct of another at a JSON pointer. It changes neither.
func Diff[T any](pointer string, before, after *T, lists Lists) []jsonpatch.Operation {
	d := differ{lists: lists}
	d.diffStruct(pointer, reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem())
	return d.operations
}

// Test returns an operation that makes the whole patch fail unless the value at a JSON pointer is the given one.
func Test(pointer string, value any) jsonpatch.Operation {
	return jsonpatch.NewOperation("test", pointer, value)
}

// Add returns an operation that sets the value at a JSON pointer, whether or not there is one.
func Add(pointer string, value any) jsonpatch.Operation {
	return jsonpatch.NewOperation("add", pointer, value)
}

// Remove returns an operation that removes the value at a JSON pointer, which must be there.
func Remove(pointer string) jsonpatch.Operation {
	return jsonpatch.NewOperation("remove", pointer, nil)
}

// Key escapes a map's key for a JSON pointer (RFC 6901, section 3).
func Key(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// IsFailedTest reports whether the API server refused a patch because one of its tests failed. It answers 422 to that as to an
// object that is invalid; only the latter has causes.
func IsFailedTest(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || len(details.Causes) == 0
}

// Encode returns the patch that operations make.
func Encode(operations []jsonpatch.Operation) ([]byte, error) {
	patch, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encode the patch: %w", err)
	}
	return patch, nil
}

type differ struct {
	lists      Lists
	operations []jsonpatch.Operation
}

func (d *differ) diffStruct(pointer string, before, after reflect.Value) {
	for i := range before.NumField() {
		field := before.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		isOptional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		d.diffField(pointer+"/"+name, before.Field(i), after.Field(i), isOptional)
	}
}

func (d *differ) diffField(pointer string, before, after reflect.Value, isOptional bool) {
	was, is := !isOptional || !isAbsent(before), !isOptional || !isAbsent(after)
	isMatched := before.Kind() == reflect.Slice && d.lists[before.Type().Elem()] != nil && before.Len() > 0
	switch {
	case !was && !is, !isMatched && isEqual(before, after):
	case !is:
		d.operations = append(d.operations, Remove(pointer))
	case !was:
		d.operations = append(d.operations, Add(pointer, after.Interface()))
	default:
		d.diffValue(pointer, before, after)
	}
}

// isEqual reports whether two values are equal: first as Go sees it, which is cheap and mostly tells, and then as the API does, to which
// one moment in two zones is the same.
func isEqual(before, after reflect.Value) bool {
	if before.Comparable() && before.Equal(after) {
		return true
	}
	return equality.Semantic.DeepEqual(before.Interface(), after.Interface())
}

// isAbsent reports whether an optional field is left out.
func isAbsent(value reflect.Value) bool {
	return value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0
}

// diffValue compares two values that are there and differ.
func (d *differ) diffValue(pointer string, before, after reflect.Value) {
	if before.Kind() == reflect.Pointer && !before.IsNil() && !after.IsNil() {
		before, after = before.Elem(), after.Elem()
	}
	_, isLeaf := before.Interface().(json.Marshaler)
	switch {
	case before.Kind() == reflect.Struct && !isLeaf && !isMarshaler(before.Type()):
		d.diffStruct(pointer, before, after)
	case before.Kind() == reflect.Slice && d.lists[before.Type().Elem()] != nil && before.Len() > 0:
		d.diffList(pointer, before, after, d.lists[before.Type().Elem()])
	default:
		d.operations = append(d.operations, Add(pointer, after.Interface()))
	}
}

func isMarshaler(kind reflect.Type) bool {
	return reflect.PointerTo(kind).Implements(reflect.TypeFor[json.Marshaler]())
}

// diffList removes what is no longer there, from the last to the first so that no place moves before its turn, and then goes
// forward: what is new is inserted in its place, and what has changed is edited in it.
func (d *differ) diffList(pointer string, before, after reflect.Value, isSame func(a, b any) bool) {
	stays := match(before, after, isSame)
	for place := before.Len() - 1; place >= 0; place-- {
		if stays[place] < 0 {
			d.operations = append(d.operations, Remove(pointer+"/"+strconv.Itoa(place)))
		}
	}
	from := map[int]int{}
	for place, to := range stays {
		if to >= 0 {
			from[to] = place
		}
	}
	for place := range after.Len() {
		at := pointer + "/" + strconv.Itoa(place)
		was, isKnown := from[place]
		switch {
		case !isKnown:
			d.operations = append(d.operations, Add(at, after.Index(place).Interface()))
		case !isEqual(before.Index(was), after.Index(place)):
			d.diffValue(at, before.Index(was), after.Index(place))
		}
	}
}

// match returns for each element of a list its place in another, -1 where it is gone. The matched ones keep their order, and are
// as many as possible (a longest common subsequence).
func match(before, after reflect.Value, isSame func(a, b any) bool) []int {
	n, m := before.Len(), after.Len()
	same := func(i, j int) bool {
		return isSame(before.Index(i).Addr().Interface(), after.Index(j).Addr().Interface())
	}
	stays := make([]int, n)
	first := 0
	for first < n && first < m && same(first, first) {
		stays[first] = first
		first++
	}
	last := 0
	for last < n-first && last < m-first && same(n-1-last, m-1-last) {
		stays[n-1-last] = m - 1 - last
		last++
	}
	matchMiddle(stays, first, n-last, m-last, same)
	return stays
}

// matchMiddle matches what lies between a common beginning and a common end.
func matchMiddle(stays []int, first, n, m int, same func(i, j int) bool) {
	// longest[i][j] is how many of before[first+i:n] and after[first+j:m] match.
	longest := make([][]int, n-first+1)
	for i := range longest {
		longest[i] = make([]int, m-first+1)
	}
	for i := n - first - 1; i >= 0; i-- {
		for j := m - first - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if same(first+i, first+j) {
				longest[i][j] = max(longest[i][j], longest[i+1][j+1]+1)
			}
		}
	}
	i, j := 0, 0
	for i < n-first {
		switch {
		case j < m-first && same(first+i, first+j) && longest[i][j] == longest[i+1][j+1]+1:
			stays[first+i] = first + j
			i, j = i+1, j+1
		case j < m-first && longest[i][j+1] >= longest[i+1][j]:
			j++
		default:
			stays[first+i] = -1
			i++
		}
	}
}
