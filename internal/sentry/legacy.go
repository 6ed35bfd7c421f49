package sentry

import "encoding/json"

// IsLegacyPlugin reports whether a body is that of the legacy WebHooks plugin,
// which a project has instead of an integration: flat and unsigned, without an
// action, with an event and the project's slug beside it ("project" in old
// ones). It knows no resolve, so it cannot stand in for the integration.
func IsLegacyPlugin(body []byte) bool {
	var flat struct {
		Action      Text           `json:"action"`
		Data        part[struct{}] `json:"data"`
		Event       part[struct{}] `json:"event"`
		ProjectSlug Text           `json:"project_slug"`
		Project     Text           `json:"project"`
	}
	if json.Unmarshal(body, &flat) != nil {
		return false
	}
	enveloped := flat.Action.Present || flat.Data.present
	return !enveloped && flat.Event.present && flat.ProjectSlug.or(flat.Project).Value != ""
}
