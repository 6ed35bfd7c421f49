package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
)

const (
	// Null as a text makes its JSON member null.
	Null = "\x00null"
	// Absent as a text leaves its JSON member out.
	Absent = "\x00absent"
)

// object is a JSON object that keeps the order of its members, as Sentry does.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON leaves out what is Absent and writes null for what is Null.
func (o object) MarshalJSON() ([]byte, error) {
	buffer := bytes.NewBufferString("{")
	for _, each := range o {
		if each.value == Absent {
			continue
		}
		if each.value == Null {
			each.value = nil
		}
		name, err := compact(each.name)
		if err != nil {
			return nil, err
		}
		value, err := compact(each.value)
		if err != nil {
			return nil, err
		}
		if buffer.Len() > 1 {
			buffer.WriteByte(',')
		}
		fmt.Fprintf(buffer, "%s:%s", name, value)
	}
	buffer.WriteByte('}')
	return buffer.Bytes(), nil
}

// compact is the JSON of a value without blanks and, as Python writes it,
// without escapes for HTML.
func compact(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(buffer.Bytes()), nil
}

// body is the JSON of a webhook as Sentry writes it, in printable ASCII alone.
func body(value object) []byte {
	encoded, err := compact(value)
	if err != nil {
		panic(fmt.Sprintf("encode webhook: %v", err)) // Only numbers, texts and lists of them are ever in it.
	}
	var ascii bytes.Buffer
	for _, r := range string(encoded) {
		switch high, low := utf16.EncodeRune(r); {
		case r <= '~':
			ascii.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		default:
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, high, low)
		}
	}
	return ascii.Bytes()
}
