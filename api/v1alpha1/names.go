package v1alpha1

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
)

const (
	// LabelSource holds the name of the AlertSource that an Incident or a webhook Secret belongs to.
	LabelSource = "itoc360.io/source"
	// LabelAlert holds an Incident's alert key with a dash for its slash: issue-1170820242. It selects all Incidents
	// of one alert.
	LabelAlert = "itoc360.io/alert"

	// SecretKeyToken is the key of a webhook Secret that holds the source token.
	SecretKeyToken = "token"
	// SecretKeyPreviousToken is the key of a webhook Secret that holds the token before the last rotation, if any.
	SecretKeyPreviousToken = "previousToken"
	// SecretKeyURL is the key of a webhook Secret that holds the full URL to paste into Sentry.
	SecretKeyURL = "url"

	// AnnotationTest on a NotificationChannel asks for a test message whenever its value changes.
	AnnotationTest = "itoc360.io/test"

	// AnnotationResync on an AlertSource asks for a pass over Sentry's unresolved issues at once, whenever its value changes.
	AnnotationResync = "itoc360.io/resync"

	// NotificationsFinalizer keeps an Incident that people were told of, and a NotificationChannel that was told of one, until
	// the channel has heard of the end: two minutes at most for an Incident, ten for a channel.
	NotificationsFinalizer = "itoc360.io/notifications"

	// IntakePath is where Sentry posts; the token follows as the query parameter "token".
	IntakePath = "/functions/v1/events"
)

// The two kinds of alert that Sentry tells of; an AlertKey begins with one of them.
const (
	issuePrefix  = "issue/"
	metricPrefix = "metric/"
)

// DeliveringKey is the alert key of the Incident that Sentry's webhooks do not arrive at a source.
const DeliveringKey AlertKey = "feed/delivering"

// AlertKey says which alert of a source a webhook speaks of: "issue/<id>" or "metric/<id>". The same Sentry issue
// always has the same alert key. Besides, there is DeliveringKey.
type AlertKey string

// IssueKey is the alert key of a Sentry issue.
func IssueKey(id string) AlertKey { return AlertKey(issuePrefix + id) }

// MetricKey is the alert key of an incident of a Sentry metric alert.
func MetricKey(id string) AlertKey { return AlertKey(metricPrefix + id) }

// IssueID is the id of the Sentry issue that an alert key stands for; "" if it stands for none.
func (k AlertKey) IssueID() string {
	id, _ := strings.CutPrefix(string(k), issuePrefix)
	if id == string(k) {
		return ""
	}
	return id
}

// Label is the alert key as the value of LabelAlert.
func (k AlertKey) Label() string { return strings.ReplaceAll(string(k), "/", "-") }

// Bucket is which of so many buckets, from 0, the alert key is in: always the same one, and about as many keys in each. It is for
// indexes of many Incidents, in which a value of its own for each key costs as much as its Incident.
func (k AlertKey) Bucket(of int) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(k))
	return int(hash.Sum32()&math.MaxInt32) % of
}

// IncidentName is the name of the numbered Incident of an alert key: <source>-<issue id>-<number>, with an m before
// the id of a metric alert, and "delivering" for the id of DeliveringKey. Being deterministic, it lets the API server itself
// refuse a double.
func IncidentName(source string, key AlertKey, number int32) string {
	id := strings.TrimPrefix(string(key), issuePrefix)
	if metric, ok := strings.CutPrefix(string(key), metricPrefix); ok {
		id = "m" + metric
	}
	if key == DeliveringKey {
		id = "delivering"
	}
	return fmt.Sprintf("%s-%s-%d", source, id, number)
}

// WebhookSecretName is the name of the Secret that the operator makes for a source without a tokenRef.
func WebhookSecretName(source string) string { return source + "-webhook" }
