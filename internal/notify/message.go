package notify

import (
	"context"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// KindTest is the kind of a test message, which is no notification.
const KindTest = "Test"

// Message is one thing to tell a channel.
type Message struct {
	// View is what it tells of.
	View View
	// Text is how it reads.
	Text Text
	// ID is the message's own: a target that takes the same one twice may drop the second.
	ID string
	// Receipt is how the target named the last message about the same Incident; empty for the first.
	Receipt string
	// MayHaveArrived is true if an earlier attempt at the same message may have reached the target.
	MayHaveArrived bool
	// Gathered are all that a summary tells of, in its stead; nil for a message about one Incident.
	Gathered []Message
}

// Target takes messages.
type Target interface {
	// Send sends a message and gives the target's name for it, which may be empty.
	Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure)
}

// Repeater is a target that must be told again and again how things stand. To hear a message twice makes no difference to it.
type Repeater interface {
	// Post says how things stand, of any number of Incidents, within lifecycle.SendTimeout. A Resolved is of one that is over.
	Post(ctx context.Context, messages []Message) *lifecycle.Failure
}
