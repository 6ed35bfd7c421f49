// Package notify is the way out: it renders what is to be told of an Incident, and sends it to a channel's target.
//
// Each kind of channel has a file with a pure function that makes the payload and the send that carries it. They share one
// HTTP client, which is bounded in time and size, follows no redirect to another host, and whose errors name no URL. A
// failure says what to do about it and never repeats what a target answered, which may be anything, a secret included.
package notify
