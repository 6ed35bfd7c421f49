package sentry

import "encoding/json"

// The tag of the event that Sentry makes for a test notification.
const (
	sampleKey   = "sample_event"
	sampleValue = "yes"
)

// sampleTag is true if an event's tags mark it as a sample.
type sampleTag bool

// UnmarshalJSON takes tags as a list of pairs, as a list of objects with a key
// and a value, or as one object.
func (s *sampleTag) UnmarshalJSON(raw []byte) error {
	*s = false
	if leading(raw) == '{' {
		var object struct {
			Sample Text `json:"sample_event"`
		}
		err := json.Unmarshal(raw, &object)
		*s = object.Sample.Value == sampleValue
		return err
	}
	for element := range elements(raw) {
		var each tag
		if err := json.Unmarshal(element, &each); err != nil {
			return err
		}
		if each.key == sampleKey && each.value == sampleValue {
			*s = true
			break
		}
	}
	return nil
}

type tag struct {
	key, value string
}

// UnmarshalJSON takes both forms of an element; anything else has no key.
func (t *tag) UnmarshalJSON(raw []byte) error {
	*t = tag{}
	switch leading(raw) {
	case '[':
		var pair [2]Text
		err := json.Unmarshal(raw, &pair)
		*t = tag{key: pair[0].Value, value: pair[1].Value}
		return err
	case '{':
		var object struct {
			Key   Text `json:"key"`
			Value Text `json:"value"`
		}
		err := json.Unmarshal(raw, &object)
		*t = tag{key: object.Key.Value, value: object.Value.Value}
		return err
	}
	return nil
}
